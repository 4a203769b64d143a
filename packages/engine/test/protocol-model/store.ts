import type { Rules, Scenario } from './rules.js'
import { attachmentOf, attemptOf, leaseOf, replicaAt, replicaOf, waiterOf } from './state.js'
import type { Attachment, Lease, Request, State, Waiter } from './state.js'
import type { Violations } from './violations.js'

/** The store's atomic transitions. Each changes the state it is given. */

type Reply = 'granted' | 'queued' | 'busy' | 'refused'

export function acquire(state: State, scenario: Scenario, request: Request): Reply {
  const { rules } = scenario
  const attachment = attachmentOf(request)
  settle(state, scenario)
  if (state.store.retired.includes(request.caller)) return 'refused'
  const lease = leaseOf(state, request.caller)
  if (lease !== undefined) {
    lease.attachments = repeatedOnHeld(rules, lease.attachments, attachment)
    return 'granted'
  }
  const waiter = waiterOf(state, request.caller)
  if (waiter !== undefined) {
    if (request.impatient) {
      leaveQueue(state, waiter)
      tell(state, 'cancelled', waiter.caller, without(waiter.attachments, attachment), 0)
      settle(state, scenario)
      return 'busy'
    }
    waiter.attachments = repeatedOnWaiting(rules, waiter.attachments, attachment)
    replicaAt(state, request.replica).silent = false
    return 'queued'
  }
  if (state.store.queue.length === 0 && state.store.leases.length < scenario.limit) {
    addLease(state, request.caller, [attachment], 0)
    return 'granted'
  }
  if (request.impatient) return 'busy'
  replicaAt(state, request.replica).silent = false
  const arrival = (state.store.arrivals[request.caller] ?? 0) + 1
  state.store.arrivals[request.caller] = arrival
  state.store.queue.push({ caller: request.caller, attachments: [attachment], arrival })
  return 'queued'
}

function repeatedOnHeld(rules: Rules, attachments: Attachment[], attachment: Attachment): Attachment[] {
  switch (rules.owner) {
    case 'id':
      return attachments
    case 'last attempt':
      return [attachment]
    case 'creator':
    case 'replicas':
      return []
    case 'attachments':
      if (rules.repeatOnHeld === 'clears') return []
      if (rules.repeatOnHeld === 'joins') return joined(attachments, attachment)
      return attachments.includes(attachment) ? attachments : []
  }
}

function repeatedOnWaiting(rules: Rules, attachments: Attachment[], attachment: Attachment): Attachment[] {
  const hasSet = rules.owner === 'replicas' || rules.owner === 'attachments'
  return hasSet ? joined(attachments, attachment) : [attachment]
}

function joined(attachments: Attachment[], attachment: Attachment): Attachment[] {
  return attachments.includes(attachment) ? attachments : [...attachments, attachment].sort()
}

function without(attachments: Attachment[], attachment: Attachment): Attachment[] {
  return attachments.filter((each) => each !== attachment)
}

/** What is left of the set when this attachment ends; null: it was not in it. */
function afterEnd(rules: Rules, attachments: Attachment[], attachment: Attachment): Attachment[] | null {
  if (rules.owner === 'id') return []
  if (rules.owner === 'replicas') {
    const left = attachments.filter((each) => replicaOf(each) !== replicaOf(attachment))
    return left.length < attachments.length ? left : null
  }
  return attachments.includes(attachment) ? without(attachments, attachment) : null
}

/** Ends one attachment and nothing else. */
export function end(
  state: State,
  scenario: Scenario,
  caller: number,
  attachment: Attachment,
  violations: Violations,
): void {
  settle(state, scenario)
  const held = leaseOf(state, caller)
  const entry = held ?? waiterOf(state, caller)
  if (entry === undefined) return
  const left = afterEnd(scenario.rules, entry.attachments, attachment)
  if (left === null) return
  entry.attachments = left
  if (left.length > 0) return
  if (held === undefined) {
    violations.waiterEnded(state, entry, attachment)
    leaveQueue(state, entry)
  } else {
    violations.leaseEnded(state, held, attachment)
    removeLease(state, held)
  }
  settle(state, scenario)
}

/** The wait of a request is over: true if its id is held, so that the request gives way to the grant. */
export function endUnlessHeld(state: State, scenario: Scenario, request: Request, violations: Violations): boolean {
  settle(state, scenario)
  const lease = leaseOf(state, request.caller)
  if (lease !== undefined && lease.attachments.includes(attachmentOf(request))) return true
  if (lease !== undefined && scenario.rules.waitOverOnAdopted === 'adopts') {
    lease.attachments = repeatedOnHeld(scenario.rules, lease.attachments, attachmentOf(request))
    return true
  }
  end(state, scenario, request.caller, attachmentOf(request), violations)
  return false
}

export function release(state: State, scenario: Scenario, caller: number, retire: boolean): void {
  settle(state, scenario)
  const lease = leaseOf(state, caller)
  const waiter = waiterOf(state, caller)
  if (lease !== undefined) removeLease(state, lease)
  else if (waiter !== undefined) {
    leaveQueue(state, waiter)
    tell(state, 'cancelled', caller, waiter.attachments, 0)
  }
  const cancelled = lease === undefined && waiter !== undefined
  if (scenario.rules.retire && (retire || cancelled) && !state.store.retired.includes(caller)) {
    state.store.retired = [...state.store.retired, caller].sort()
  }
  settle(state, scenario)
}

export function expire(state: State, scenario: Scenario, caller: number): void {
  const lease = leaseOf(state, caller)
  if (lease === undefined) return
  removeLease(state, lease)
  settle(state, scenario)
}

/** What time and room bring about: dead heads are dropped, heads that fit are granted, strictly in the order of the queue. */
export function settle(state: State, scenario: Scenario): void {
  for (let head = state.store.queue[0]; head !== undefined; head = state.store.queue[0]) {
    if (isDead(state, head)) leaveQueue(state, head)
    else if (state.store.leases.length < scenario.limit) {
      leaveQueue(state, head)
      addLease(state, head.caller, head.attachments, head.arrival)
      tell(state, 'granted', head.caller, head.attachments, state.store.fences[head.caller] ?? 0)
    } else return
  }
}

/** None of its replicas was heard of in the grace. */
export function isDead(state: State, waiter: Waiter): boolean {
  return waiter.attachments.every((attachment) => replicaAt(state, replicaOf(attachment)).silent)
}

function addLease(state: State, caller: number, attachments: Attachment[], arrival: number): void {
  const fence = (state.store.fences[caller] ?? 0) + 1
  state.store.fences[caller] = fence
  state.store.leases.push({ caller, attachments, fence, arrival, reported: false })
}

function removeLease(state: State, lease: Lease): void {
  state.store.leases = state.store.leases.filter((each) => each !== lease)
}

function leaveQueue(state: State, waiter: Waiter): void {
  state.store.queue = state.store.queue.filter((each) => each !== waiter)
}

function tell(state: State, kind: 'granted' | 'cancelled', caller: number, set: Attachment[], fence: number): void {
  for (const replica of new Set(set.map(replicaOf))) {
    const attempts = set.filter((attachment) => replicaOf(attachment) === replica).map(attemptOf)
    state.notices.push({ kind, replica, caller, attempts, fence })
  }
}
