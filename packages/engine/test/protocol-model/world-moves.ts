import { addCallerMoves } from './caller-moves.js'
import type { Move } from './moves.js'
import { Moves } from './moves.js'
import { addRequestMoves, takeNotice } from './replica-moves.js'
import type { Scenario } from './rules.js'
import { callerOf, replicaAt } from './state.js'
import type { State } from './state.js'
import { end, expire, isDead, release, settle } from './store.js'

/** Everything that may happen next. */
export function movesFrom(state: State, scenario: Scenario): Move[] {
  const moves = new Moves(state, scenario)
  state.callers.forEach((_, caller) => addCallerMoves(moves, caller))
  for (const request of state.requests) addRequestMoves(moves, request)
  addMessages(moves)
  state.replicas.forEach((_, replica) => addReplicaFate(moves, replica))
  addStoreFate(moves)
  return moves.list
}

/** Each message may be delayed past any other. */
function addMessages(moves: Moves): void {
  const { from, scenario } = moves
  from.notices.forEach((notice, index) => {
    const text = `notice "${notice.kind}" of caller ${notice.caller} to replica ${notice.replica}`
    const drop = (state: State): void => {
      state.notices.splice(index, 1)
    }
    const { phase } = replicaAt(from, notice.replica)
    if (phase === 'down') moves.add(`${text} finds nobody`, drop)
    else moves.add(`${text} is lost`, drop, 'lose')
    if (phase === 'up') {
      moves.add(`${text} arrives`, (state) => {
        drop(state)
        takeNotice(state, scenario, notice)
      })
    }
  })
  from.ends.forEach(({ caller, attachment }, index) => {
    moves.add(`the store ends attachment ${attachment} of caller ${caller}`, (state, violations) => {
      state.ends.splice(index, 1)
      end(state, scenario, caller, attachment, violations)
    })
  })
  from.releases.forEach(({ caller, retire }, index) => {
    moves.add(`the store releases the id of caller ${caller}${retire ? ' and retires it' : ''}`, (state) => {
      state.releases.splice(index, 1)
      release(state, scenario, caller, retire)
    })
  })
}

function addReplicaFate(moves: Moves, replica: number): void {
  const { phase, silent } = replicaAt(moves.from, replica)
  if (phase === 'up') {
    moves.add(
      `replica ${replica} crashes`,
      (state) => {
        replicaAt(state, replica).phase = 'down'
        // A 200 in the caller's socket buffer is still read; a command in the store's is still run.
        state.requests = state.requests.filter(
          (request) => request.replica !== replica || request.stage === 'answered' || request.stage === 'stray',
        )
      },
      'crash',
    )
    moves.add(
      `replica ${replica} stalls`,
      (state) => {
        replicaAt(state, replica).phase = 'stalled'
      },
      'pause',
    )
  }
  if (phase === 'stalled') {
    moves.add(`replica ${replica} resumes`, (state) => {
      replicaAt(state, replica).phase = 'up'
    })
  }
  if (phase !== 'up' && !silent) {
    moves.add(`the grace of replica ${replica} is over`, (state) => {
      replicaAt(state, replica).silent = true
    })
  }
  const hasWaiting = moves.from.requests.some(
    (request) => request.replica === replica && (request.stage === 'waiting' || request.stage === 'parked'),
  )
  if (phase === 'up' && silent && hasWaiting) {
    moves.add(`replica ${replica} is heard of again`, (state) => {
      replicaAt(state, replica).silent = false
      settle(state, moves.scenario)
    })
  }
}

function addStoreFate(moves: Moves): void {
  const { from, scenario } = moves
  const head = from.store.queue[0]
  if (head !== undefined && isDead(from, head)) {
    moves.add(`the store drops the waiter of caller ${head.caller}: its replicas are dead`, (state) =>
      settle(state, scenario),
    )
  }
  for (const { caller, fence } of from.store.leases) {
    moves.add(
      `the lease of caller ${caller} expires`,
      (state) => {
        expire(state, scenario, caller)
        noteExpiry(state, caller, fence)
      },
      'expire',
    )
  }
  for (const { caller } of from.store.queue) {
    moves.add(
      `somebody else cancels the id of caller ${caller}`,
      (state) => release(state, scenario, caller, false),
      'cancel',
    )
  }
}

/** A ttl has passed since the grant, so also since every command that found the id waiting before it. */
function noteExpiry(state: State, index: number, fence: number): void {
  for (const request of state.requests) {
    if (request.caller !== index) continue
    const waitedForIt = request.stage === 'waiting' && request.queuedAfterFence < fence
    const hasIt = (request.stage === 'granted' || request.stage === 'answered') && request.fence === fence
    if (waitedForIt || hasIt) request.overdue = true
  }
  const caller = callerOf(state, index)
  // Its own monotonic deadline is no later than the store's.
  if (caller.phase === 'holding' && caller.fence === fence) caller.phase = 'gone'
}
