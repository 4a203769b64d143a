import type { Access } from './access.js'

export interface TestRedisOptions {
  /** In cluster mode, one node with every slot. */
  readonly cluster?: boolean
  /** Arguments of redis-server, as on its command line: `['--appendonly', 'yes']`. */
  readonly config?: readonly string[]
  /** What it asks of those who connect. */
  readonly access?: Access
}

export interface TestRedis {
  readonly url: string
  readonly host: string
  readonly port: number
  readonly access?: Access
  /** Where it came from, for people. */
  readonly source: string
  /** The server hangs: connections stay, nothing is answered. */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Ends it without a warning. */
  kill(): Promise<void>
  /** At the same address again, after `kill`; what it had persisted is there. */
  restart(): Promise<void>
  /** For good. */
  stop(): Promise<void>
}

/** Without persistence, unless the configuration that follows says otherwise. */
export function serverArguments({ cluster = false, config = [] }: TestRedisOptions): string[] {
  return ['--save', '', '--appendonly', 'no', ...(cluster ? ['--cluster-enabled', 'yes'] : []), ...config]
}
