import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { z } from 'zod'
import { nowMs } from '../clock.js'
import type { EventOf } from '../history/event.js'
import type { Recorder } from '../history/recorder.js'

const script = readFileSync(new URL('../../lua/observe.lua', import.meta.url), 'utf8')
const keyPrefix = 'signalbox:'
const everyMs = 50
const answerWithinMs = 120_000

const texts = z.array(z.string())
const observed = z.tuple([
  z.string(),
  z.string(),
  z.tuple([z.string().nullable(), z.string().nullable(), z.string().nullable()]),
  texts,
  texts,
  texts,
  texts,
])

type Seen = Pick<EventOf<'sample'>, 'storeMs' | 'limit' | 'used' | 'fence' | 'leases' | 'waiters'>

function pairs(flat: readonly string[]): [string, string][] {
  return flat.flatMap((key, index) => (index % 2 === 0 ? [[key, flat[index + 1] ?? '']] : []))
}

/** Numbers at the beginning of a packed lease or waiter (lua/lib/lease.lua, waiter.lua of the engine). */
function numbersOf(packed: string | undefined): number[] {
  return (packed ?? '').split(' ').slice(0, 4).map(Number)
}

/** Null: no such semaphore. */
function read(reply: unknown): Seen | null {
  const [seconds, micros, [limit, used, fence], deadlines, leases, queue, waiters] = observed.parse(reply)
  if (limit === null) return null
  const leaseTexts = new Map(pairs(leases))
  const waiterTexts = new Map(pairs(waiters))
  return {
    storeMs: Number(seconds) * 1_000 + Number(micros) / 1_000,
    limit: Number(limit),
    used: Number(used),
    fence: Number(fence),
    leases: pairs(deadlines).map(([leaseId, deadlineMs]) => {
      const [permits = NaN, fenceOfLease = NaN, , grantedAtMs = NaN] = numbersOf(leaseTexts.get(leaseId))
      return { leaseId, permits, fence: fenceOfLease, grantedAtMs, deadlineMs: Number(deadlineMs) }
    }),
    waiters: pairs(queue).map(([leaseId, arrival]) => {
      const [permits = NaN] = numbersOf(waiterTexts.get(leaseId))
      return { leaseId, arrival: Number(arrival), permits }
    }),
  }
}

/** Looks into the store itself, past every proxy and every replica, and changes nothing. */
export class Observer {
  readonly #redis: Redis
  #watching: { readonly done: Promise<void>; stop: () => void } | null = null

  constructor(url: string) {
    this.#redis = new Redis(url, {
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      commandTimeout: 1_000,
      retryStrategy: () => 100,
    })
    // The store is killed and stopped on purpose: samples that cannot be taken are not there.
    this.#redis.on('error', () => undefined)
  }

  async see(semaphore: string): Promise<Seen | null> {
    const keys = ['state', 'deadlines', 'leases', 'queue', 'waiters'].map(
      (part) => `${keyPrefix}{${semaphore}}:${part}`,
    )
    return read(await this.#redis.eval(script, keys.length, ...keys))
  }

  /** Records every semaphore, again and again, until `rest`. */
  watch(semaphores: readonly string[], recorder: Recorder): void {
    let watching = true
    const sample = async (semaphore: string): Promise<void> => {
      const from = nowMs()
      const seen = await this.see(semaphore)
      if (seen !== null) recorder.record({ kind: 'sample', semaphore, from, ...seen })
    }
    const loop = async (): Promise<void> => {
      while (watching) {
        const began = nowMs()
        for (const result of await Promise.allSettled(semaphores.map(sample))) {
          // An observer that cannot read what it sees must not pass for a store that was away.
          const why = result.status === 'rejected' ? String(result.reason) : ''
          if (/ZodError|ERR|NOSCRIPT/.test(why)) recorder.record({ kind: 'mishap', process: 'observer', text: why })
        }
        await pause(Math.max(0, began + everyMs - nowMs()))
      }
    }
    const done = loop()
    this.#watching = { done, stop: () => (watching = false) }
  }

  async rest(): Promise<void> {
    this.#watching?.stop()
    await this.#watching?.done
    this.#watching = null
  }

  /** Keys of the semaphore other than its configuration and what is to be remembered for a while. */
  async residueOf(semaphore: string): Promise<string[]> {
    // The faults are over, but a busy machine may still be connecting this observer anew. Reading again changes nothing.
    for (const untilMs = nowMs() + answerWithinMs; ;) {
      try {
        return await this.#residueOf(semaphore)
      } catch (error) {
        if (nowMs() > untilMs) throw error
      }
      await pause(everyMs)
    }
  }

  async #residueOf(semaphore: string): Promise<string[]> {
    const begin = `${keyPrefix}{${semaphore}}:`
    const keys: string[] = []
    let cursor = '0'
    do {
      const [next, found] = await this.#redis.scan(cursor, 'MATCH', `${begin}*`, 'COUNT', 1_000)
      cursor = next
      keys.push(...found)
    } while (cursor !== '0')
    const kept = new RegExp('^(state$|retired:|grown:)')
    return keys.filter((key) => !kept.test(key.slice(begin.length)))
  }

  async flushScripts(): Promise<void> {
    await this.#redis.script('FLUSH')
  }

  close(): void {
    this.#redis.disconnect()
  }
}
