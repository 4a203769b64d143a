/**
 * One moment of the waiting protocol: what the store keeps, what each replica and caller believes, what is still on its way.
 * Time is not in it: a deadline is an event that may happen at any moment. Every caller has one lease id, so a caller's
 * index stands for the id; every permit counts one.
 */

/** An open acquire request: its replica and the attempt (the caller's index is known from the id it belongs to). */
export type Attachment = `${number}.${number}`

export interface Waiter {
  caller: number
  attachments: Attachment[]
  /** Which of the places its id has had; for the invariants only. */
  arrival: number
}

export interface Lease {
  caller: number
  attachments: Attachment[]
  fence: number
  /** The place it was granted to; 0 when it was granted without waiting. For the invariants only. */
  arrival: number
  /** A 200 for it was written. For the invariants only. */
  reported: boolean
}

/** Ids are counted from 1 within each caller: no rule compares the fences of two of them. */
export interface Store {
  queue: Waiter[]
  leases: Lease[]
  retired: number[]
  fences: number[]
  arrivals: number[]
}

export interface Caller {
  phase: 'idle' | 'asking' | 'holding' | 'gone'
  /** The newest attempt; older ones are closed. */
  attempt: number
  /** It closed a request itself before the answer: it cannot know what that attempt did. */
  unsure: boolean
  fence: number
}

/**
 * `sent`: on its way to the replica. `again`: the replica has decided to run the acquire once more. `waiting`, `granted`: what the
 * replica believes. `answered`: its 200 is on its way. `parked`: was told `still_waiting`; the attachment outlives it. `stray`: the
 * replica has given the command up, the store may still run it.
 */
export type Stage = 'sent' | 'again' | 'waiting' | 'granted' | 'answered' | 'parked' | 'stray'

export interface Request {
  caller: number
  attempt: number
  replica: number
  stage: Stage
  /** The caller closed it; the replica may not have seen that. */
  closed: boolean
  /** waitMs is 0. */
  impatient: boolean
  fence: number
  /** The newest fence of its id when the store last said `queued`: a notice that is not newer tells of an earlier grant. */
  queuedAfterFence: number
  arrival: number
  /** A ttl has passed on the replica's clock since the last command that found the id waiting. */
  overdue: boolean
}

export interface Replica {
  phase: 'up' | 'stalled' | 'down'
  /** Its last heartbeat is older than the grace. */
  silent: boolean
}

export interface Notice {
  kind: 'granted' | 'cancelled'
  replica: number
  caller: number
  attempts: number[]
  fence: number
}

export interface End {
  caller: number
  attachment: Attachment
}

export interface Release {
  caller: number
  retire: boolean
}

/** What may go wrong, or happen without need; each has a budget per run. */
export const faults = [
  'timeout',
  'abort',
  'pause',
  'crash',
  'lose',
  'expire',
  'late',
  'lost-reply',
  'stray',
  'wait-over',
  'cap',
  'leave',
  'impatient',
  'cancel',
] as const
export type Fault = (typeof faults)[number]

export function budgetOf(chosen: readonly Fault[], times: number): Record<Fault, number> {
  const of = (fault: Fault): number => (chosen.includes(fault) ? times : 0)
  return {
    timeout: of('timeout'),
    abort: of('abort'),
    pause: of('pause'),
    crash: of('crash'),
    lose: of('lose'),
    expire: of('expire'),
    late: of('late'),
    'lost-reply': of('lost-reply'),
    stray: of('stray'),
    'wait-over': of('wait-over'),
    cap: of('cap'),
    leave: of('leave'),
    impatient: of('impatient'),
    cancel: of('cancel'),
  }
}

export interface State {
  store: Store
  callers: Caller[]
  requests: Request[]
  replicas: Replica[]
  notices: Notice[]
  ends: End[]
  releases: Release[]
  budget: Record<Fault, number>
}

export function attachmentOf(request: Request): Attachment {
  return `${request.replica}.${request.attempt}`
}

export function replicaOf(attachment: Attachment): number {
  return Number(attachment.slice(0, attachment.indexOf('.')))
}

export function attemptOf(attachment: Attachment): number {
  return Number(attachment.slice(attachment.indexOf('.') + 1))
}

/** The caller reads its answer: the newest attempt, still open. */
export function isLive(state: State, request: Request): boolean {
  const caller = callerOf(state, request.caller)
  const isOpen = !request.closed && request.stage !== 'parked' && request.stage !== 'stray'
  return isOpen && caller.phase === 'asking' && caller.attempt === request.attempt
}

export function callerOf(state: State, caller: number): Caller {
  const found = state.callers[caller]
  if (found === undefined) throw new Error(`no caller ${caller}`)
  return found
}

export function replicaAt(state: State, replica: number): Replica {
  const found = state.replicas[replica]
  if (found === undefined) throw new Error(`no replica ${replica}`)
  return found
}

/** The request whose answer the caller still waits for. */
export function liveRequestOf(state: State, caller: number): Request | undefined {
  return state.requests.find((request) => request.caller === caller && isLive(state, request))
}

export function leaseOf(state: State, caller: number): Lease | undefined {
  return state.store.leases.find((lease) => lease.caller === caller)
}

export function waiterOf(state: State, caller: number): Waiter | undefined {
  return state.store.queue.find((waiter) => waiter.caller === caller)
}

export function initialState(callers: number, replicas: number, budget: Record<Fault, number>): State {
  return {
    store: {
      queue: [],
      leases: [],
      retired: [],
      fences: Array.from({ length: callers }, () => 0),
      arrivals: Array.from({ length: callers }, () => 0),
    },
    callers: Array.from({ length: callers }, () => ({ phase: 'idle', attempt: 0, unsure: false, fence: 0 })),
    requests: [],
    replicas: Array.from({ length: replicas }, () => ({ phase: 'up', silent: false })),
    notices: [],
    ends: [],
    releases: [],
    budget,
  }
}

export function copyOf(state: State): State {
  return {
    store: {
      queue: state.store.queue.map((waiter) => ({ ...waiter })),
      leases: state.store.leases.map((lease) => ({ ...lease })),
      retired: state.store.retired.slice(),
      fences: state.store.fences.slice(),
      arrivals: state.store.arrivals.slice(),
    },
    callers: state.callers.map((caller) => ({ ...caller })),
    requests: state.requests.map((request) => ({ ...request })),
    replicas: state.replicas.map((replica) => ({ ...replica })),
    // Messages are never changed, only added and taken away.
    notices: state.notices.slice(),
    ends: state.ends.slice(),
    releases: state.releases.slice(),
    budget: { ...state.budget },
  }
}
