import { leaveFor } from './caller-moves.js'
import type { Moves } from './moves.js'
import type { Scenario } from './rules.js'
import { attachmentOf, attemptOf, callerOf, isLive, leaseOf, replicaAt, waiterOf } from './state.js'
import type { Attachment, Notice, Request, State } from './state.js'
import { acquire, endUnlessHeld } from './store.js'

/** What the replica of one request may do for it next. */
export function addRequestMoves(moves: Moves, request: Request): void {
  const name = `attempt ${request.attempt} of caller ${request.caller}`
  if (request.stage === 'answered') addReading(moves, request, name)
  if (request.stage === 'stray') {
    moves.addFor(request, `the store runs the stray acquire of ${name}`, (state, stray) => {
      acquire(state, moves.scenario, stray)
      remove(state, stray)
    })
  }
  if (replicaAt(moves.from, request.replica).phase !== 'up') return
  const at = `replica ${request.replica}`
  if (request.stage === 'sent' || request.stage === 'again') addAcquire(moves, request, at, name)
  if (request.stage === 'waiting') addWaiting(moves, request, at, name)
  if (request.stage === 'granted') addReport(moves, request, at, name)
  if (request.stage === 'parked') {
    moves.addFor(request, `${at}: the grace of parked ${name} is over`, endAndRemove)
  }
  const isClosable = request.stage !== 'answered' && request.stage !== 'parked' && request.stage !== 'stray'
  if (request.closed && isClosable && !moves.scenario.hidesCloses) {
    const change = request.stage === 'sent' ? remove : endAndRemove
    moves.addFor(request, `${at}: sees that ${name} is closed (${request.stage})`, change)
  }
}

function addReading(moves: Moves, request: Request, name: string): void {
  moves.addFor(request, `caller ${request.caller} reads the 200 of ${name}`, (state, answered) => {
    remove(state, answered)
    if (!isLive(state, answered)) return
    const caller = callerOf(state, answered.caller)
    // Its local deadline has passed: lost on arrival, and known to be.
    caller.phase = answered.overdue ? 'gone' : 'holding'
    caller.fence = answered.fence
  })
}

function addAcquire(moves: Moves, request: Request, at: string, name: string): void {
  moves.addFor(request, `${at}: acquire for ${name}`, (state, sent) => takeReply(state, moves.scenario, sent))
  moves.addFor(
    request,
    `${at}: acquire for ${name}, its reply is lost`,
    (state, sent) => {
      acquire(state, moves.scenario, sent)
      endAndRemove(state, sent)
    },
    'lost-reply',
  )
  moves.addFor(
    request,
    `${at}: acquire for ${name} gets no answer; the store may run it later`,
    (state, sent) => {
      state.ends.push({ caller: sent.caller, attachment: attachmentOf(sent) })
      sent.stage = 'stray'
    },
    'stray',
  )
}

function takeReply(state: State, scenario: Scenario, request: Request): void {
  const reply = acquire(state, scenario, request)
  request.overdue = false
  switch (reply) {
    case 'granted':
      request.stage = 'granted'
      request.fence = leaseOf(state, request.caller)?.fence ?? 0
      return
    case 'queued':
      request.stage = 'waiting'
      request.queuedAfterFence = state.store.fences[request.caller] ?? 0
      request.arrival = state.store.arrivals[request.caller] ?? 0
      return
    case 'busy':
    case 'refused':
      refuse(state, scenario, request)
      return
  }
}

function addWaiting(moves: Moves, request: Request, at: string, name: string): void {
  const { scenario } = moves
  const found = lookUp(moves, request)
  if (found === 'granted') {
    moves.addFor(request, `${at}: heartbeat finds ${name} granted`, (state, waiting) => {
      grant(waiting, leaseOf(state, waiting.caller)?.fence ?? 0)
    })
  }
  if (found === 'unknown' && scenario.rules.rerun) {
    moves.addFor(request, `${at}: heartbeat finds ${name} unknown, will ask again`, (_, waiting) => {
      waiting.stage = 'again'
    })
  }
  moves.addFor(
    request,
    `${at}: waitMs of ${name} is over`,
    (state, waiting, violations) => {
      const isHeld = endUnlessHeld(state, scenario, waiting, violations)
      if (isHeld) {
        grant(waiting, leaseOf(state, waiting.caller)?.fence ?? 0)
        return
      }
      violations.toldInVain(state, waiting)
      refuse(state, scenario, waiting)
    },
    'wait-over',
  )
  moves.addFor(
    request,
    `${at}: the cap of ${name} is over, asks again`,
    (state, waiting) => {
      takeReply(state, scenario, waiting)
      if (waiting.stage === 'waiting') waiting.stage = 'parked'
    },
    'cap',
  )
}

/** What a heartbeat says of a request that the replica believes to wait. */
function lookUp(moves: Moves, request: Request): 'waiting' | 'granted' | 'unknown' {
  const { owner, check, rerun } = moves.scenario.rules
  const knowsIdsOnly = owner === 'id' || !check || !rerun
  const isOn = (set: Attachment[] | undefined): boolean =>
    set !== undefined && (knowsIdsOnly || set.includes(attachmentOf(request)))
  if (isOn(leaseOf(moves.from, request.caller)?.attachments)) return 'granted'
  return isOn(waiterOf(moves.from, request.caller)?.attachments) ? 'waiting' : 'unknown'
}

function grant(request: Request, fence: number): void {
  request.stage = 'granted'
  request.fence = fence
}

function addReport(moves: Moves, request: Request, at: string, name: string): void {
  const mustAskAgain = moves.scenario.rules.check && request.overdue
  const askAgain = (_: State, granted: Request): void => {
    granted.stage = 'again'
  }
  if (mustAskAgain) {
    moves.addFor(request, `${at}: ${name} was granted too long ago, will ask again`, askAgain)
    return
  }
  moves.addFor(request, `${at}: writes the 200 of ${name}`, (state, granted, violations) => {
    violations.reported(state, granted)
    if (granted.closed) remove(state, granted)
    else granted.stage = 'answered'
  })
  moves.addFor(request, `${at}: ${name} may have been granted too long ago, will ask again`, askAgain, 'late')
}

/** A notice arrives at its replica. */
export function takeNotice(state: State, scenario: Scenario, notice: Notice): void {
  const { owner, datesNotices } = scenario.rules
  const namesRequests = owner !== 'id' && owner !== 'replicas'
  for (const request of [...state.requests]) {
    if (request.replica !== notice.replica || request.caller !== notice.caller || request.stage !== 'waiting') continue
    if (namesRequests && !notice.attempts.includes(attemptOf(attachmentOf(request)))) continue
    if (notice.kind === 'cancelled') {
      refuse(state, scenario, request)
      if (scenario.rules.endsWhenCancelled) {
        state.ends.push({ caller: request.caller, attachment: attachmentOf(request) })
      }
    } else if (!datesNotices || notice.fence > request.queuedAfterFence) grant(request, notice.fence)
  }
}

/** The request ends without a lease; its caller, if it still listens, goes. */
function refuse(state: State, scenario: Scenario, request: Request): void {
  if (isLive(state, request)) leaveFor(state, scenario, request.caller)
  remove(state, request)
}

function endAndRemove(state: State, request: Request): void {
  state.ends.push({ caller: request.caller, attachment: attachmentOf(request) })
  remove(state, request)
}

function remove(state: State, request: Request): void {
  state.requests = state.requests.filter((each) => each !== request)
}
