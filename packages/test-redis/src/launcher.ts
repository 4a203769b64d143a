import type { Access } from './access.js'
import type { TestRedis } from './test-redis.js'

/** Where one server is to run. */
export interface Place {
  readonly port: number
  readonly folder: string
}

/** How to run one kind of server. */
export interface Launch {
  /** Its command line, but for where it listens and keeps its data. Asked for at each start. */
  readonly argumentsAt: (place: Place) => readonly string[] | Promise<readonly string[]>
  /** What is to be in its folder: name and text. */
  readonly files?: Readonly<Record<string, string>>
  readonly access?: Access
  /** What else has to be true before it is of use. */
  readonly untilUseful?: (port: number) => Promise<void>
}

/** Runs servers that reach each other, and are reached, at the same addresses: 127.0.0.1 and a port. */
export interface Launcher {
  /** Where something else has to listen, and under which name its servers find it then. */
  readonly outside: { readonly listenAt: string; readonly foundAt: string }
  start(launch: Launch): Promise<TestRedis>
  /** Ends all that it started. */
  stop(): Promise<void>
}
