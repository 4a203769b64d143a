import { setTimeout as sleep } from 'node:timers/promises'
import { SignalboxClient } from '@signalbox/client'
import type { SignalboxEvent } from '@signalbox/client'
import { Redis } from 'ioredis'
import { Semaphore } from 'redis-semaphore'
import { inFlight } from '../in-flight.js'
import { withOwnService } from '../own-service.js'
import type { OwnService } from '../own-service.js'
import { processLoad } from '../process-load.js'
import { redisLoadOf } from '../redis-load.js'
import { cellsOf } from './scenario.js'
import type { Scenario } from './scenario.js'

const ttlMs = 30_000
const metrics = ['service CPU %', 'Redis CPU %', 'commands sent/s', 'caller CPU %', 'leases lost'] as const

export const renewing: Scenario = {
  name: 'renewing',
  title: 'Renewing: leases that live on, of 30 s each',
  charted: 'Redis CPU %',
  run: async (stage) => {
    const leases = stage.size(10_000, 200)
    // Two of the SDK's periods; one of redis-semaphore's.
    const windowMs = stage.size(20_000, 11_000)
    const peerWindowMs = stage.size(24_000, 2_000)
    const own = await withOwnService((service) => bySdk(service, leases, windowMs))
    const peer = await withOwnService((service) => byPeer(service, leases, peerWindowMs))
    const at = `${leases.toLocaleString('en')} leases`
    return {
      figures: [],
      cells: [
        ...cellsOf(at, 'Signalbox, SDK', [own], metrics),
        ...cellsOf(at, 'redis-semaphore', [{ ...peer, 'service CPU %': NaN }], metrics),
      ],
      notes: [
        'The SDK renews each third of a ttl, redis-semaphore (which has no service) each four fifths, as their defaults are. All leases are of one process.',
        'leases lost: before the end, by a caller or a service that could not keep up.',
        "redlock 4 and Bottleneck do not renew by themselves, and etcd's keep-alive is a stream over the gateway: left blank.",
      ],
    }
  },
}

async function bySdk(service: OwnService, leases: number, windowMs: number) {
  let lost = 0
  const onEvent = ({ kind }: SignalboxEvent): void => {
    if (kind === 'lease-lost') lost += 1
  }
  const client = new SignalboxClient({ url: service.url, onEvent })
  const semaphore = client.boundedSemaphore('renewing', leases)
  await inFlight(leases, 64, () => semaphore.acquire({ ttlMs }))
  const load = await watch(service, windowMs)
  const result = { ...load, 'leases lost': lost }
  await client.close({ timeoutMs: 30_000 })
  return result
}

async function byPeer(service: OwnService, leases: number, windowMs: number) {
  const redis = new Redis(service.redisUrl)
  let lost = 0
  const semaphores = Array.from({ length: leases }, () => {
    const onLockLost = (): void => void (lost += 1)
    return new Semaphore(redis, 'renewing', leases, { lockTimeout: ttlMs, acquireTimeout: 60_000, onLockLost })
  })
  await inFlight(leases, 64, async (index) => semaphores[index]?.acquire())
  const result = { ...(await watch(service, windowMs)), 'leases lost': lost }
  await inFlight(leases, 64, async (index) => semaphores[index]?.release())
  redis.disconnect()
  return result
}

async function watch({ redis, pid }: OwnService, windowMs: number) {
  const serviceBeforeUs = processLoad(pid).cpuUs
  const callerBefore = process.cpuUsage()
  const { seconds, sent, cpuUs } = await redisLoadOf(redis, () => sleep(windowMs))
  const caller = process.cpuUsage(callerBefore)
  return {
    'service CPU %': (processLoad(pid).cpuUs - serviceBeforeUs) / seconds / 10_000,
    'Redis CPU %': cpuUs / seconds / 10_000,
    'commands sent/s': sent / seconds,
    'caller CPU %': (caller.user + caller.system) / seconds / 10_000,
  }
}
