import assert from 'node:assert/strict'
import fc from 'fast-check'
import { test } from 'vitest'
import { createMemoryStore, type MemoryStore } from '../src/memory/memory-store.js'
import type { Notice } from '../src/store.js'
import { type Answered, Caller, leaseIdOf, replicas, send } from './model/calls.js'
import { modelGraceMs, modelQueueMax, semaphoreNames, type Step, steps } from './model/steps.js'
import type { Told } from './model/known.js'
import { Tracker } from './model/tracker.js'

const startUs = 1_700_000_000_000_000
/** Runs take seconds; a failure is shrunk for a minute and then told with its seed, however small it is by then. */
const shrinkForMs = 60_000

/** Runs the steps on a store of its own, and holds every one against the tracker. */
class Run {
  nowUs = startUs
  readonly store: MemoryStore
  readonly #caller = new Caller()
  readonly #trackers = new Map<string, Tracker>()
  readonly #batchMax: number
  #told: Told[] = []

  constructor(batchMax: number) {
    this.#batchMax = batchMax
    this.store = createMemoryStore({
      settings: { graceMs: modelGraceMs, queueMax: modelQueueMax, batchMax },
      clock: () => this.nowUs,
    })
    for (const replica of replicas) void this.store.listen(replica, (notice) => this.#told.push({ replica, notice }))
  }

  async step(step: Step): Promise<void> {
    this.nowUs += step.afterUs
    const answered = await send(this.store, this.#caller.callFor(step))
    this.#caller.note(answered)
    const told = this.#takeTold()
    // Listing all semaphores settles each of them.
    const touched = answered.to === 'semaphores' ? semaphoreNames : [step.semaphore]
    for (const semaphore of touched) {
      await this.#observe(
        semaphore,
        answered,
        told.filter(({ notice }) => isOf(semaphore, notice)),
      )
    }
  }

  async #observe(semaphore: string, answered: Answered, told: readonly Told[]): Promise<void> {
    const inspected = await this.store.inspect({ semaphore })
    const leases = await send(this.store, { to: 'leases', with: { semaphore, pageSize: 2 } })
    const waiters = await send(this.store, { to: 'waiters', with: { semaphore, pageSize: 2 } })
    assert.ok(leases.to === 'leases' && waiters.to === 'waiters')
    this.#caller.note(leases)
    const tracker = this.#trackers.get(semaphore) ?? new Tracker(this.#batchMax < 100)
    this.#trackers.set(semaphore, tracker)
    tracker.check({
      nowMs: Math.floor(this.nowUs / 1000),
      answered,
      told,
      toldLater: this.#takeTold(),
      state: inspected.kind === 'state' ? inspected.state : null,
      leases: leases.reply ?? [],
      waiters: waiters.reply ?? [],
    })
  }

  /** I2: when every lease and waiter is past its time, the whole limit is there at once. */
  async drain(semaphore: string): Promise<void> {
    this.nowUs += 100_000_000
    const inspected = await this.store.inspect({ semaphore })
    if (inspected.kind !== 'state' || inspected.state.limit === 0) return
    const whole = {
      semaphore,
      leaseId: leaseIdOf(9),
      permits: inspected.state.limit,
      ttlMs: 10,
      holder: '',
      create: null,
    }
    const reply = await this.store.acquire({ ...whole, enqueue: false, attachment: { replica: 'r9', number: 1 } })
    assert.equal(reply.kind, 'granted', `I2: ${JSON.stringify(reply)} of ${whole.permits}`)
    await this.store.release({ semaphore, leaseId: leaseIdOf(9), retire: false })
  }

  #takeTold(): Told[] {
    const told = this.#told
    this.#told = []
    return told
  }
}

function isOf(semaphore: string, notice: Notice): boolean {
  return 'semaphore' in notice && notice.semaphore === semaphore
}

test.each([{ batchMax: 1_000 }, { batchMax: 2 }, { batchMax: 1 }])(
  'keeps every invariant after every step: %o',
  { timeout: 2 * shrinkForMs },
  async ({ batchMax }) => {
    await fc.assert(
      fc.asyncProperty(steps, async (todo) => {
        const run = new Run(batchMax)
        for (const step of todo) await run.step(step)
        await run.drain('s')
        await run.drain('t')
        await run.store.close()
      }),
      { numRuns: Number(process.env['SIGNALBOX_MODEL_RUNS'] ?? 500), interruptAfterTimeLimit: shrinkForMs },
    )
  },
)
