import { startTestRedis, type TestRedis } from '@signalbox/test-redis'
import type { ClientProcess } from './client-process.js'
import { Observer } from './observer.js'
import { openRegister, type Register } from './register.js'
import { builtService, Replica } from './replica.js'

export interface WorldOptions {
  readonly replicas: number
  /** What Node runs as a replica; left out, the service as it is shipped. */
  readonly program?: readonly string[]
  readonly onMishap: (process: string, text: string) => void
}

/**
 * `always`: what a reply has told is on the disk before the reply leaves, so that a store that was killed comes back with all that anybody
 * knows of, and every promise holds to the letter. With `everysec` a second of grants may be gone after a crash of the machine, and a store
 * killed while an fsync was under way may lose what it had not written yet (docs/reliability.md).
 */
const persistence = ['--appendonly', 'yes', '--appendfsync', 'always']

/** What stays from round to round: a store, the replicas, and what looks at them. */
export class World {
  readonly redis: TestRedis
  readonly observer: Observer
  readonly register: Register
  readonly replicas: readonly Replica[]
  /** Of the round. */
  clients: readonly ClientProcess[] = []
  #nextReplica = 0

  constructor(redis: TestRedis, register: Register, replicas: readonly Replica[]) {
    this.redis = redis
    this.register = register
    this.replicas = replicas
    this.observer = new Observer(redis.url)
  }

  static async open({ replicas, program = builtService, onMishap }: WorldOptions): Promise<World> {
    const redis = await startTestRedis({ config: persistence, ownServer: true, say: () => undefined })
    const names = Array.from({ length: replicas }, (_, index) => `replica-${index + 1}`)
    const store = { host: redis.host, port: redis.port }
    const started = await Promise.allSettled(names.map((name) => Replica.start({ name, program, store, onMishap })))
    const running = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    const world = new World(redis, await openRegister(), running)
    const failed = started.find((result) => result.status === 'rejected')
    if (failed === undefined) return world
    await world.close()
    throw failed.reason
  }

  /** As a TCP load balancer without health checks: the next in turn, dead or alive. */
  readonly route = (): { readonly host: string; readonly port: number } => {
    const replica = this.replicas[this.#nextReplica++ % this.replicas.length]
    if (replica === undefined) throw new Error('a run needs a replica')
    return replica.address
  }

  async close(): Promise<void> {
    this.observer.close()
    await Promise.all(this.clients.map((client) => client.close()))
    await Promise.all(this.replicas.map((replica) => replica.close()))
    await this.register.close()
    await this.redis.stop()
  }
}
