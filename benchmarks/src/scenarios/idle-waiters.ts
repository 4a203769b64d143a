import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { Semaphore } from 'redis-semaphore'
import { figure } from '../figures.js'
import type { Row } from '../figures.js'
import { HttpConnection } from '../http-connection.js'
import { sampleOf } from '../statistics.js'
import { commandsOf } from '../redis-commands.js'
import type { Commands } from '../redis-commands.js'

const waiters = 1_000
/** A thousand would keep Redis from doing anything else. */
const peerWaiters = 100
const rounds = 2
/** Three heartbeats. */
const windowMs = 9_000
const peerWindowMs = 3_000

/** What those who only wait cost Redis. */
export async function idleWaiters(serviceUrl: string, redisUrl: string): Promise<Row[]> {
  const redis = new Redis(redisUrl)
  const ours: Commands[] = []
  const theirs: Commands[] = []
  for (let round = 0; round < rounds; round += 1) {
    ours.push(await overHttp(serviceUrl, redis, `idle-${round}`))
    theirs.push(await withPeer(redisUrl, redis, `peer-idle-${round}`))
  }
  redis.disconnect()
  const row = (what: string, who: string, values: readonly number[]): Row => {
    return { id: null, what, who, unit: '1/s', sample: sampleOf(values) }
  }
  const inside = 'the same, with the commands inside scripts'
  return [
    figure('idle_commands_per_s', sampleOf(ours.map(({ sent }) => sent))),
    row(
      inside,
      'Signalbox',
      ours.map((commands) => commands.all),
    ),
    row(
      `Redis commands sent for ${peerWaiters} idle waiters`,
      'redis-semaphore',
      theirs.map(({ sent }) => sent),
    ),
    row(
      inside,
      'redis-semaphore',
      theirs.map((commands) => commands.all),
    ),
  ]
}

async function overHttp(serviceUrl: string, redis: Redis, name: string): Promise<Commands> {
  const path = `/v1/semaphores/${name}/acquire`
  const connections = await Promise.all(Array.from({ length: waiters + 1 }, () => HttpConnection.open(serviceUrl)))
  const [holder, ...waiting] = connections
  await holder?.expect200('POST', path, { ttlMs: 60_000, create: { limit: 1 } })
  const body = JSON.stringify({ waitMs: 25_000 })
  const answers = waiting.map((connection) => connection.send('POST', path, body))
  const early = Promise.race(answers).then(({ status }) => {
    throw new Error(`One that should wait was answered: ${status}`)
  })
  await Promise.race([sleep(2_000), early])
  const commands = await Promise.race([commandsOf(redis, windowMs), early])
  for (const connection of connections) connection.close()
  // Until the service has seen them go.
  await sleep(1_000)
  return commands
}

async function withPeer(redisUrl: string, redis: Redis, key: string): Promise<Commands> {
  const own = new Redis(redisUrl)
  const holder = new Semaphore(own, key, 1)
  await holder.acquire()
  const options = { acquireTimeout: peerWindowMs + 5_000, acquireAttemptsLimit: Infinity }
  let isOver = false
  const waiting = Array.from({ length: peerWaiters }, async () => {
    const semaphore = new Semaphore(own, key, 1, options)
    await semaphore.acquire().then(
      () => semaphore.release(),
      (error: unknown) => {
        if (!isOver) throw error
      },
    )
  })
  await sleep(500)
  const commands = await commandsOf(redis, peerWindowMs)
  isOver = true
  await holder.release()
  await Promise.all(waiting)
  own.disconnect()
  return commands
}
