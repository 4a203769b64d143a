import { finished } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { startTcpProxy, type TcpProxy } from '@signalbox/test-redis'
import { z } from 'zod'
import { runNode, type Child } from './child.js'

/** The service as it is built and shipped. */
export const builtService = [fileURLToPath(new URL('../../../../services/semaphore/dist/main.js', import.meta.url))]

const readyWithinMs = 30_000
/** pino's number for an error; what the log calls a bug is one. */
const errorLevel = 50
const logLine = z.object({ level: z.number() })

export interface ReplicaOptions {
  readonly name: string
  /** What Node is to run. */
  readonly program: readonly string[]
  readonly store: { readonly host: string; readonly port: number }
  readonly onMishap: (process: string, text: string) => void
}

/** One place in the fleet: a process of the service, the next one after it ended, and its own way to the store. */
export class Replica {
  readonly name: string
  readonly storeProxy: TcpProxy
  readonly #options: ReplicaOptions
  #child: Child | null = null
  #address: { host: string; port: number } = { host: '127.0.0.1', port: 1 }
  readonly #leaving = new Set<Promise<void>>()

  constructor(options: ReplicaOptions, storeProxy: TcpProxy) {
    this.name = options.name
    this.#options = options
    this.storeProxy = storeProxy
  }

  static async start(options: ReplicaOptions): Promise<Replica> {
    const replica = new Replica(options, await startTcpProxy(options.store))
    try {
      await replica.launch()
    } catch (error) {
      await replica.close()
      throw error
    }
    return replica
  }

  /** Where it listens, or listened. */
  get address(): { readonly host: string; readonly port: number } {
    return this.#address
  }

  async launch(): Promise<void> {
    let listening: (url: string) => void = () => undefined
    const url = new Promise<string>((resolve) => (listening = resolve))
    const { host, port } = this.storeProxy
    const env = {
      PORT: '0',
      REDIS_URL: `redis://${host}:${port}`,
      LOG_LEVEL: 'warn',
      // Short, so that long polls come to their end and are taken up again.
      SIGNALBOX_CAP_MS: '3000',
    }
    const said: string[] = []
    const child: Child = runNode(this.#options.program, env, (line, stream) => {
      const found = /Signalbox listens on (\S+)/.exec(line)?.[1]
      if (found !== undefined) listening(found)
      if (stream === 'stderr') said.push(line)
      if (isMishap(line, stream)) this.#options.onMishap(this.name, line)
    })
    this.#child = child
    void child.ended.then((ending) => {
      if (child.isWanted) this.#options.onMishap(this.name, `ended by itself: ${String(ending)}`)
    })
    const late = setTimeout(() => child.kill(), readyWithinMs)
    const first = await Promise.race([url, child.ended])
    clearTimeout(late)
    if (typeof first !== 'string' || !URL.canParse(first)) {
      if (child.process.stderr !== null) await finished(child.process.stderr).catch(() => undefined)
      throw new Error(`${this.name} does not start: ${[String(first), ...said].join('\n')}`)
    }
    this.#address = { host: '127.0.0.1', port: Number(new URL(first).port) }
  }

  async kill(): Promise<void> {
    this.#child?.kill()
    await this.#child?.ended
  }

  stop(): void {
    this.#child?.stop()
  }

  resume(): void {
    this.#child?.resume()
  }

  /** A new process takes the place; the old one is told to leave, and must have left in time. */
  async roll(): Promise<void> {
    const old = this.#child
    await this.launch()
    old?.terminate()
    if (old === null) return
    const leaving = old.endsWithin(leaveWithinMs).then((inTime) => {
      if (!inTime || old.ending !== 0) {
        const text = `SIGTERM: ended with ${String(old.ending)}${inTime ? '' : ` after more than ${leaveWithinMs} ms`}`
        this.#options.onMishap(this.name, text)
      }
      this.#leaving.delete(leaving)
    })
    this.#leaving.add(leaving)
  }

  async close(): Promise<void> {
    await Promise.all(this.#leaving)
    await this.kill()
    await this.storeProxy.close()
  }
}

/** The service's own grace of 10 s, and what a busy machine adds. */
const leaveWithinMs = 15_000

function isMishap(line: string, stream: 'stdout' | 'stderr'): boolean {
  if (!line.startsWith('{')) return stream === 'stderr' && line !== ''
  const parsed = logLine.safeParse(JSON.parse(line))
  return parsed.success && parsed.data.level >= errorLevel
}
