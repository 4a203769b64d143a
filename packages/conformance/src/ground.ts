import { randomUUID } from 'node:crypto'
import { expect, onTestFinished } from 'vitest'
import type {
  AcquireCall,
  AcquireOutcome,
  Factory,
  Lack,
  Lease,
  Opened,
  Place,
  ShownState,
  Subject,
  SuiteSettings,
} from './subject.js'

/** Long enough that nothing of it happens in a test that does not ask for it. */
export const patientSettings: SuiteSettings = {
  capMs: 25_000,
  graceMs: 10_000,
  heartbeatMs: 3_000,
  idleMs: 86_400_000,
  queueMax: 10_000,
  limitMax: 1_000,
}

/** How long a condition may take to come true. Far above what it takes; a test that has to wait for all of it fails. */
const patienceMs = 5_000

export type Wish = Partial<Omit<AcquireCall, 'semaphore' | 'create'>> & { readonly limit?: number }

/** One semaphore of one test, and the words to speak of it. */
export class Ground {
  readonly name: string
  readonly one: Subject
  readonly other: Subject
  readonly residue: () => Promise<number>

  constructor(place: Omit<Place, 'close'>, name: string = `test-${randomUUID()}`) {
    this.name = name
    this.one = place.one
    this.other = place.other
    this.residue = place.residue
  }

  /** Another semaphore of the same place. */
  named(name: string): Ground {
    return new Ground({ one: this.one, other: this.other, residue: this.residue }, name)
  }

  /** A request for one permit of a bounded semaphore with limit 1, unless wished otherwise. */
  call({ limit = 1, ...wish }: Wish = {}): AcquireCall {
    return {
      semaphore: this.name,
      leaseId: randomUUID(),
      permits: 1,
      ttlMs: 60_000,
      waitMs: 0,
      holder: '',
      create: { limit, bounded: true, onConflict: 'keep' },
      ...wish,
    }
  }

  async try(wish: Wish = {}, by: Subject = this.one): Promise<AcquireOutcome> {
    return by.acquire(this.call(wish)).outcome
  }

  async kindOf(wish: Wish = {}, by: Subject = this.one): Promise<AcquireOutcome['kind']> {
    return (await this.try(wish, by)).kind
  }

  async hold(wish: Wish = {}, by: Subject = this.one): Promise<Lease> {
    return leaseOf(await this.try(wish, by))
  }

  /** Queues, and returns when the store has counted it. */
  async queue(wish: Wish = {}, by: Subject = this.one): Promise<Opened> {
    const before = await this.waiting()
    const opened = by.acquire(this.call({ waitMs: 20_000, ...wish }))
    onTestFinished(() => opened.close())
    // Told by whoever looks at the outcome; a test that fails first must not end in an unhandled rejection.
    opened.outcome.catch(() => undefined)
    await this.until({ waiting: before + 1 })
    return opened
  }

  async release(lease: Lease, by: Subject = this.one): Promise<string> {
    return (await by.release({ semaphore: this.name, leaseId: lease.leaseId, retire: false })).kind
  }

  async renew(lease: Lease, ttlMs = 60_000, by: Subject = this.one): Promise<string> {
    return (await by.renew({ semaphore: this.name, leaseId: lease.leaseId, ttlMs })).kind
  }

  async resize(limit: number): Promise<string> {
    return (await this.one.configure({ semaphore: this.name, limit, bounded: null })).kind
  }

  async state(): Promise<ShownState> {
    const reply = await this.one.inspect(this.name)
    if (reply.kind !== 'state') throw new Error(`${this.name} is not there`)
    return reply.state
  }

  async exists(): Promise<boolean> {
    return (await this.one.inspect(this.name)).kind === 'state'
  }

  async waiting(): Promise<number> {
    const reply = await this.one.inspect(this.name)
    return reply.kind === 'state' ? reply.state.waiting : 0
  }

  async until(wanted: Partial<ShownState>): Promise<void> {
    await expect
      .poll(() => this.one.inspect(this.name), { timeout: patienceMs, interval: 3 })
      .toMatchObject({ state: wanted })
  }
}

export async function eventually<Value>(read: () => Promise<Value>, wanted: Value): Promise<void> {
  await expect.poll(read, { timeout: patienceMs, interval: 3 }).toEqual(wanted)
}

export function leaseOf(outcome: AcquireOutcome): Lease {
  if (outcome.kind !== 'granted') throw new Error(`not granted but ${outcome.kind}`)
  return outcome.lease
}

export async function leaseFrom(opened: Opened): Promise<Lease> {
  return leaseOf(await opened.outcome)
}

/** Where a chapter gets its ground from. */
export interface Grounds {
  /** A semaphore that no other test knows, at the place that all tests share. */
  fresh(): Ground
  /** A place of its own, for a test that needs other settings or counts what is left. */
  apart(settings?: Partial<SuiteSettings>): Promise<Ground>
  lacks(lack: Lack): boolean
}

export function groundsOf(factory: Factory, shared: () => Place): Grounds {
  return {
    fresh: () => new Ground(shared()),
    async apart(settings = {}) {
      const place = await factory.open({ ...patientSettings, ...settings })
      onTestFinished(() => place.close())
      return new Ground(place)
    },
    lacks: (lack) => factory.lacks.includes(lack),
  }
}
