import { setTimeout as sleep } from 'node:timers/promises'
import { createEngine, createRedisStore } from '@signalbox/engine'
import type { Engine } from '@signalbox/engine'
import { startTestRedis } from '@signalbox/test-redis'
import { Redis } from 'ioredis'
import { startService } from '../../scripts/service.mjs'
import { firstMessage, startChild } from './child.js'
import { bottleneckContestant } from './contestants/bottleneck.js'
import type { Contestant } from './contestants/contestant.js'
import { engineContestant } from './contestants/engine.js'
import { etcdContestant } from './contestants/etcd.js'
import { httpContestant } from './contestants/http.js'
import { noticeFloor } from './contestants/notice-floor.js'
import { redisFloor } from './contestants/redis-floor.js'
import { redisSemaphoreContestant } from './contestants/redis-semaphore.js'
import { redlockContestant } from './contestants/redlock.js'
import { sdkContestant } from './contestants/sdk.js'
import { startEtcd } from './etcd-server.js'

/** All that a scenario may use. */
export interface Stage {
  readonly contestants: Contestants
  readonly engine: Engine
  readonly serviceUrl: string
  readonly servicePid: number
  /** A connection of the benchmark's own, for questions. */
  readonly redis: Redis
  /** The size that is meant, or the small one of a quick run. */
  size(full: number, quick: number): number
  /** A name that was not used before. */
  newName(): string
  describe(): Promise<string>
  close(): Promise<void>
}

/** Null: not on this machine. */
export interface Contestants {
  readonly engine: Contestant
  readonly http: Contestant
  readonly sdk: Contestant
  readonly redisSemaphore: Contestant
  readonly redlock: Contestant
  readonly bottleneck: Contestant
  readonly etcd: Contestant | null
  readonly redisFloor: Contestant
  readonly noticeFloor: Contestant
  readonly fastifyFloor: Contestant
}

export const withoutEtcd = 'etcd lock: left blank, there is no `etcd` on the PATH (Debian: etcd-server).'

export async function openStage(isQuick: boolean): Promise<Stage> {
  const closers: (() => unknown)[] = []
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).toReversed()) await closer()
  }
  try {
    return { ...(await open(isQuick, closers)), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function open(isQuick: boolean, closers: (() => unknown)[]): Promise<Omit<Stage, 'close'>> {
  const server = await startTestRedis({ ownServer: true })
  closers.push(() => server.stop())
  const service = await startService({ REDIS_URL: server.url })
  closers.push(() => service.stop())
  const store = createRedisStore({ url: server.url, keyPrefix: 'bench:' })
  closers.push(() => store.close())
  const engine = createEngine({ store })
  closers.push(() => engine.close())
  const redis = new Redis(server.url)
  closers.push(() => redis.disconnect())
  const noOp = startChild('no-op-server.ts', [])
  closers.push(() => noOp.kill())
  const noOpUrl = String(await firstMessage(noOp))
  const etcd = await startEtcd()
  // It connects in the background.
  while (!(await store.ping().then(Boolean, () => false))) await sleep(10)
  closers.push(() => etcd?.stop())
  let names = 0
  return {
    contestants: {
      engine: engineContestant(engine),
      http: httpContestant('Signalbox, HTTP', service.url),
      sdk: sdkContestant(service.url),
      redisSemaphore: redisSemaphoreContestant(server.url),
      redlock: redlockContestant(server.url),
      bottleneck: bottleneckContestant(server.url),
      etcd: etcd === null ? null : etcdContestant(etcd.url),
      redisFloor: redisFloor(server.url),
      noticeFloor: noticeFloor(server.url),
      fastifyFloor: httpContestant('floor: Fastify no-op', noOpUrl, true),
    },
    engine,
    serviceUrl: service.url,
    servicePid: service.pid,
    redis,
    size: (full, quick) => (isQuick ? quick : full),
    newName: () => `bench-${(names += 1)}`,
    describe: () => store.ping(),
  }
}
