import type { AcquireOutcome, AcquireRequest, Attempt, HeldLease } from '../engine.js'
import {
  type AcquireReply,
  type EndReply,
  type GrantedLease,
  type OpenRequestState,
  StoreUnavailableError,
} from '../store.js'
import { Alarm } from './alarm.js'
import { Answer } from './answer.js'
import type { Phase, Reason } from './phase.js'
import { askFor, endUnlessHeld, type Replica } from './replica.js'
import type { Room } from './room.js'
import { WaitSoFar } from './wait-so-far.js'

/** Grants that had run out when their reply came: with a ttl this far below the store's answer time another try does no better. */
const lateGrantsMax = 3

/** One attachment: this replica and a number used for nothing else. phase.ts tells its life. */
export class OpenRequest implements Attempt {
  readonly outcome: Promise<AcquireOutcome>
  readonly leaseId: string
  readonly number: number
  readonly #request: AcquireRequest
  readonly #replica: Replica
  readonly #room: Room | null
  readonly #answer: Answer
  readonly #wait: WaitSoFar
  #phase: Phase = 'arriving'
  #alarm: Alarm | null = null
  #asks = 0
  #lateGrants = 0
  #isDelivered = false
  /** An acquire was not answered, so it may still reach the store. */
  #isDoubtful = false

  constructor(request: AcquireRequest, number: number, replica: Replica, room: Room | null) {
    this.leaseId = request.leaseId
    this.number = number
    this.#request = request
    this.#replica = replica
    this.#room = room
    this.#answer = new Answer(request.semaphore, replica.observer)
    this.outcome = this.#answer.outcome
    this.#wait = new WaitSoFar(request, replica.clock)
  }

  /** How often it has sent its acquire. */
  get asks(): number {
    return this.#asks
  }

  /** Whether a heartbeat should ask for it: the last answer was a place in the queue. */
  get isListed(): boolean {
    return this.#phase === 'waiting' || this.#phase === 'parked'
  }

  begin(): void {
    const listening = this.#room === null ? null : this.#replica.listening.ready()
    if (listening === null) void this.#ask('arrived')
    else void listening.then(() => (this.#phase === 'arriving' ? this.#ask('arrived') : undefined))
  }

  close(): void {
    const phase = this.#phase
    if (phase === 'over' || phase === 'abandoned' || (phase === 'parked' && this.#isDelivered)) return
    if (phase === 'granted' || phase === 'parked') this.#become('over')
    else this.#conclude({ kind: 'closed' }, phase === 'asking' ? 'abandoned' : 'over')
    if (phase !== 'arriving' && phase !== 'asking') this.#end()
  }

  delivered(): void {
    this.#isDelivered = true
    if (this.#phase === 'granted') this.#become('over')
  }

  /** The replica stops. One whose first acquire is on its way is not known to wait: its reply decides. */
  stop(): void {
    const phase = this.#phase
    const isFirstAsk = phase === 'asking' && this.#asks === 1
    if (phase === 'parked') this.#become('over')
    else if (phase !== 'granted' && phase !== 'abandoned' && phase !== 'over' && !isFirstAsk) {
      this.#conclude({ kind: 'shutting_down' })
    }
  }

  hearGranted(lease: GrantedLease): void {
    if (this.#phase === 'asking') {
      this.#wait.keepHeard(lease)
    } else if (this.#phase === 'waiting' || this.#phase === 'leaving') {
      if (!this.#isReported(lease) && this.#phase === 'waiting') void this.#ask('again')
    }
  }

  hearCancelled(): void {
    const phase = this.#phase
    if (phase === 'asking') this.#conclude({ kind: 'wait_cancelled' }, 'abandoned')
    else if (phase === 'parked' || phase === 'waiting' || phase === 'leaving') {
      if (phase === 'parked') this.#become('over')
      else this.#conclude({ kind: 'wait_cancelled' })
      // The notice may be an old one, and the id queued anew since by a heartbeat that found it unknown.
      this.#end()
    }
  }

  /** What a heartbeat found that was sent at `askedAtMs`, when this request had asked `asks` times. */
  hearState(state: OpenRequestState, askedAtMs: number, asks: number): void {
    if (asks !== this.#asks) return
    if (this.#phase === 'parked' && state.kind === 'unknown') this.#become('over')
    if (this.#phase !== 'waiting') return
    if (state.kind === 'waiting') {
      this.#wait.foundWaiting(askedAtMs)
    } else if (state.kind === 'granted' && this.#wait.isStillHeld(state.lease, askedAtMs)) {
      this.#report(this.#wait.heldSinceGrant(state.lease))
    } else {
      void this.#ask('again')
    }
  }

  async #ask(reason: Reason): Promise<void> {
    const askedAtMs = this.#nowMs
    this.#phase = 'asking'
    this.#asks += 1
    this.#wait.asked(askedAtMs)
    let reply: AcquireReply
    try {
      reply = await askFor(this.#replica, this.#request, this.number, reason === 'arrived')
    } catch (error) {
      this.#hearNoReply(error, reason)
      return
    }
    this.#hearReply(reply, reason, askedAtMs)
  }

  #hearReply(reply: AcquireReply, reason: Reason, askedAtMs: number): void {
    if (reply.kind === 'queued') this.#room?.tell(reply.nearestInMs, askedAtMs)
    const isAttached = reply.kind === 'granted' || reply.kind === 'queued'
    if (this.#phase === 'abandoned') {
      this.#become('over')
      if (isAttached) this.#end()
    }
    if (this.#phase !== 'asking') return
    if (isAttached) this.#wait.answered(reply, reason === 'arrived', askedAtMs)
    if (reply.kind === 'busy') this.#conclude({ ...reply, kind: 'permits_unavailable' })
    else if (reply.kind === 'granted') this.#hearHeld(reply.lease, askedAtMs)
    else if (reply.kind === 'queued') this.#hearQueued(reply.position, reason)
    else this.#conclude(reply)
  }

  #hearNoReply(error: unknown, reason: Reason): void {
    this.#isDoubtful = true
    if (this.#phase === 'abandoned') {
      this.#become('over')
      this.#end()
    }
    if (this.#phase !== 'asking') return
    const heard = this.#wait.takeHeard()
    if (heard !== null && this.#isReported(heard)) return
    if (reason === 'again' && this.#mayWaitHere) this.#goOnWaiting()
    else this.#fail(error)
  }

  #hearHeld(lease: GrantedLease, askedAtMs: number): void {
    if (this.#wait.isStillHeld(lease, askedAtMs)) this.#report(this.#wait.heldSinceReply(lease, askedAtMs))
    else if (this.#lateGrants++ < lateGrantsMax) void this.#ask('again')
    else this.#fail(new StoreUnavailableError(`the store's replies take longer than the ttl of ${lease.ttlMs} ms`))
  }

  #hearQueued(position: number, reason: Reason): void {
    const heard = this.#wait.takeHeard()
    if (heard !== null) {
      // Not worth having, but perhaps only because the reply was so late.
      if (!this.#isReported(heard)) void this.#ask(reason === 'cap over' ? reason : 'again')
    } else if (reason === 'cap over') {
      this.#park(position)
    } else if (!this.#mayWaitHere && !this.#replica.isStopped) {
      // It has not waited, so the heartbeats that keep its place begin here.
      this.#room?.waits(this.number)
      this.#park(position)
    } else {
      this.#goOnWaiting()
    }
  }

  #goOnWaiting(): void {
    this.#phase = 'waiting'
    if (this.#replica.isStopped) {
      this.#conclude({ kind: 'shutting_down' })
      return
    }
    this.#room?.waits(this.number)
    this.#setAlarm(this.#wait.untilMs(this.#replica.settings.capMs))
  }

  #park(position: number): void {
    this.#conclude({ kind: 'still_waiting', position }, 'parked')
  }

  #stopWaiting(): void {
    if (this.#request.waitMs > this.#replica.settings.capMs) void this.#ask('cap over')
    else this.#leave()
  }

  #leave(): void {
    const askedAtMs = this.#nowMs
    this.#phase = 'leaving'
    endUnlessHeld(this.#replica, this.#request, this.number).then(
      (reply) => this.#phase === 'leaving' && this.#hearEnded(reply, askedAtMs),
      (error: unknown) => this.#phase === 'leaving' && this.#fail(error),
    )
  }

  #hearEnded(reply: EndReply, askedAtMs: number): void {
    if (reply.kind === 'held' && this.#wait.isStillHeld(reply.lease, askedAtMs)) {
      this.#report(this.#wait.heldSinceGrant(reply.lease))
      return
    }
    this.#conclude({ kind: 'acquire_timeout' })
    if (this.#isDoubtful) this.#end()
  }

  /** Reports a grant that a notice told of, if it is worth having. */
  #isReported(lease: GrantedLease): boolean {
    const isWorthHaving = this.#wait.isWorthHaving(lease)
    if (isWorthHaving) this.#report(this.#wait.heldSinceGrant(lease))
    return isWorthHaving
  }

  #report(lease: HeldLease): void {
    this.#become('granted')
    this.#answer.granted(lease)
  }

  #conclude(
    outcome: Exclude<AcquireOutcome, { kind: 'granted' }>,
    next: 'over' | 'abandoned' | 'parked' = 'over',
  ): void {
    this.#become(next)
    this.#answer.refused(outcome)
  }

  #fail(error: unknown): void {
    this.#become('over')
    this.#answer.failed(error)
    this.#end()
  }

  #become(phase: 'granted' | 'parked' | 'abandoned' | 'over'): void {
    this.#phase = phase
    this.#alarm?.clear()
    if (phase === 'parked') {
      this.#room?.parks(this.number)
      this.#setAlarm(this.#nowMs + this.#replica.settings.graceMs)
    } else {
      this.#room?.leaves(this.number)
    }
  }

  #setAlarm(dueAtMs: number): void {
    this.#alarm ??= new Alarm(this.#replica.clock, () => {
      if (this.#phase === 'waiting') this.#stopWaiting()
      else if (this.#phase === 'parked') {
        this.#become('over')
        this.#end()
      }
    })
    this.#alarm.setFor(dueAtMs)
  }

  #end(): void {
    const { semaphore, leaseId } = this.#request
    this.#replica.ends.end({ semaphore, leaseId, number: this.number, isDoubtful: this.#isDoubtful })
  }

  get #mayWaitHere(): boolean {
    return this.#room !== null && this.#request.isAnsweredAtOnce !== true
  }

  get #nowMs(): number {
    return this.#replica.clock.now()
  }
}
