import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { SignalboxClient, type ClientOptions } from '@signalbox/client'
import {
  createEngine,
  createRedisStore,
  type EngineSettings,
  type ReplicationSettings,
  type Store,
  type StoreSettings,
} from '@signalbox/engine'
import { buildApp, watchUnused } from '@signalbox/semaphore-service'
import { inject, onTestFinished, vi } from 'vitest'

export interface Replica {
  readonly url: string
  readonly port: number
  readonly store: Store
  /** Leases that its scripts found past their deadline, one number a script. */
  readonly expiredByScript: readonly number[]
  /** An SDK client of its own, closed with the test. */
  client(options?: ClientOptions): SignalboxClient
  post(semaphore: string, call: 'acquire' | 'release' | 'renew', body: unknown): Promise<Reply>
  put(semaphore: string, body: unknown): Promise<Reply>
  /** The state as GET shows it. */
  inspect(semaphore: string): Promise<SemaphoreState>
}

export interface Reply {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

export interface SemaphoreState {
  readonly limit: number
  readonly used: number
  readonly available: number
  readonly waiting: number
}

export interface ReplicaOptions {
  readonly redisUrl?: string
  readonly keyPrefix?: string
  readonly engine?: Partial<EngineSettings>
  readonly store?: Partial<StoreSettings>
  readonly replication?: ReplicationSettings
}

/** The whole service, on a loopback port and the run's Redis, closed with the test. */
export async function startReplica(options: ReplicaOptions = {}): Promise<Replica> {
  const expiredByScript: number[] = []
  const store = createRedisStore({
    url: options.redisUrl ?? inject('redisUrl'),
    keyPrefix: options.keyPrefix ?? `scoreboard-${randomUUID()}:`,
    settings: options.store,
    ...options.replication,
    observer: { called: () => undefined, expired: ({ leases }) => expiredByScript.push(leases) },
  })
  await vi.waitFor(() => store.ping(), 5_000)
  const engine = createEngine({ store, settings: options.engine ?? {} })
  const app = buildApp({ engine })
  const closeUnused = watchUnused(app.server)
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  onTestFinished(async () => {
    // Answers who still waits, so that no request of the test ends without a reply.
    engine.stop()
    const closing = app.close()
    // Of requests that were aborted before their connection was there; the server would wait for them.
    closeUnused()
    await closing
    await engine.close()
    await store.close()
  })
  const send = async (method: string, path: string, body?: unknown): Promise<Reply> => {
    const response = await fetch(`${url}/v1/semaphores/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    return { status: response.status, body: (await response.json()) as Reply['body'] }
  }
  return {
    url,
    port: Number(new URL(url).port),
    store,
    expiredByScript,
    client(clientOptions = {}) {
      const client = new SignalboxClient({ url, ...clientOptions })
      onTestFinished(() => client.close({ timeoutMs: 500 }))
      return client
    },
    post: (semaphore, call, body) => send('POST', `${semaphore}/${call}`, body),
    put: (semaphore, body) => send('PUT', semaphore, body),
    // The service's own schema serialised it.
    inspect: async (semaphore) => (await send('GET', semaphore)).body as unknown as SemaphoreState,
  }
}

/** Two replicas of one service: the same Redis, the same keys. */
export async function startReplicas(options: ReplicaOptions = {}): Promise<[Replica, Replica]> {
  const shared = { keyPrefix: `scoreboard-${randomUUID()}:`, ...options }
  return [await startReplica(shared), await startReplica(shared)]
}

/** A program of this folder in a process of its own, told by its arguments what to do; killed with the test. */
export function startProgram(file: string, ...args: string[]): Program {
  const path = fileURLToPath(new URL(`./programs/${file}`, import.meta.url))
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  const waiting = new Set<() => void>()
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    for (const look of waiting) look()
  })
  onTestFinished(() => kill(child))
  return {
    lines,
    exit: once(child, 'exit').then(([code]) => code as number | null),
    kill: () => kill(child),
    said: (line) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!lines.includes(line)) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
        child.once('exit', () => {
          look()
          reject(new Error(`the program ended without saying "${line}"; it said ${JSON.stringify(lines)}`))
        })
        look()
      }),
  }
}

export interface Program {
  readonly lines: readonly string[]
  readonly exit: Promise<number | null>
  /** SIGKILL. */
  kill(): Promise<void>
  said(line: string): Promise<void>
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

/** For what only the passing of time brings about. */
export const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
