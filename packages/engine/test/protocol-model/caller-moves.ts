import type { Moves } from './moves.js'
import type { Scenario } from './rules.js'
import { callerOf, liveRequestOf } from './state.js'
import type { Fault, Request, State } from './state.js'

/** What one caller may do next. */
export function addCallerMoves(moves: Moves, caller: number): void {
  const { phase } = callerOf(moves.from, caller)
  if (phase === 'idle') addFirstAttempt(moves, caller)
  if (phase === 'asking') {
    const live = liveRequestOf(moves.from, caller)
    if (live === undefined) addReturn(moves, caller)
    else addChangeOfMind(moves, caller, live)
  }
  if (phase === 'holding') {
    moves.add(`caller ${caller} releases`, (state) => {
      giveUp(state, caller)
      state.releases.push({ caller, retire: doesRetire(state, moves.scenario, caller) })
    })
  }
}

/**
 * Callers are alike, so they may begin in the order of their numbers; while nobody has and both replicas fare the same, these are alike
 * too. That leaves a quarter of the states, and none of the traces but for their names.
 */
function addFirstAttempt(moves: Moves, caller: number): void {
  const { callers, replicas } = moves.from
  if (callers.slice(0, caller).some((earlier) => earlier.phase === 'idle')) return
  const isFirst = callers.every(({ phase }) => phase === 'idle')
  const areAlike = replicas.every(({ phase, silent }) => phase === replicas[0]?.phase && silent === replicas[0].silent)
  for (const replica of isFirst && areAlike ? [0] : moves.reachableReplicas) {
    moves.add(`caller ${caller} asks replica ${replica} (attempt 1)`, (state) => ask(state, caller, replica, false))
  }
}

/** No request of the caller is open: the connection broke, or it was told `still_waiting`. */
function addReturn(moves: Moves, caller: number): void {
  const { attempt } = callerOf(moves.from, caller)
  const goAway = (state: State): void => leaveFor(state, moves.scenario, caller)
  if (attempt < moves.scenario.attempts) {
    addRetry(moves, caller, `caller ${caller} asks again`)
    moves.add(`caller ${caller} does not come back`, goAway, 'leave')
  } else moves.add(`caller ${caller} gives up`, goAway)
}

function addChangeOfMind(moves: Moves, caller: number, live: Request): void {
  if (live.attempt < moves.scenario.attempts) {
    addRetry(moves, caller, `caller ${caller} closes attempt ${live.attempt} and asks again`, 'timeout')
  }
  moves.addFor(
    live,
    `caller ${caller} aborts and closes attempt ${live.attempt}`,
    (state, request) => {
      request.closed = true
      callerOf(state, caller).unsure = true
      leaveFor(state, moves.scenario, caller)
    },
    'abort',
  )
}

function addRetry(moves: Moves, caller: number, label: string, ...faults: readonly Fault[]): void {
  const retry = (state: State, replica: number, impatient: boolean): void => {
    const live = liveRequestOf(state, caller)
    if (live !== undefined) live.closed = true
    callerOf(state, caller).unsure = true
    ask(state, caller, replica, impatient)
  }
  for (const replica of moves.reachableReplicas) {
    const text = `${label} at replica ${replica} (attempt ${callerOf(moves.from, caller).attempt + 1})`
    moves.add(text, (state) => retry(state, replica, false), ...faults)
    moves.add(`${text} with waitMs 0`, (state) => retry(state, replica, true), 'impatient', ...faults)
  }
}

function ask(state: State, caller: number, replica: number, impatient: boolean): void {
  const asking = callerOf(state, caller)
  asking.phase = 'asking'
  asking.attempt += 1
  state.requests.push({
    caller,
    attempt: asking.attempt,
    replica,
    stage: 'sent',
    closed: false,
    impatient,
    fence: 0,
    queuedAfterFence: 0,
    arrival: 0,
    overdue: false,
  })
}

function doesRetire(state: State, scenario: Scenario, caller: number): boolean {
  const { unsure, attempt } = callerOf(state, caller)
  return scenario.manners === 'retires' && (unsure || attempt > 1)
}

function giveUp(state: State, caller: number): void {
  const leaving = callerOf(state, caller)
  leaving.phase = 'gone'
}

/** The caller goes without a lease; if it cannot know what its attempts did, it says so. */
export function leaveFor(state: State, scenario: Scenario, caller: number): void {
  giveUp(state, caller)
  if (doesRetire(state, scenario, caller)) state.releases.push({ caller, retire: true })
}
