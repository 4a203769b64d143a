import { Findings } from './findings.js'
import type { Finding, Step } from './findings.js'
import type { Scenario } from './rules.js'
import { stateKey } from './state-key.js'
import { budgetOf, initialState } from './state.js'
import type { State } from './state.js'
import { Violations } from './violations.js'
import type { Violation } from './violations.js'
import { movesFrom } from './world-moves.js'

export interface SearchResult {
  readonly states: number
  readonly depth: number
  /** False: cut off, so that what was not found proves nothing. */
  readonly complete: boolean
  readonly findings: readonly Finding[]
}

export interface SearchBounds {
  readonly statesMax: number
  /** Look no further once this is found. */
  readonly until?: Violation
}

interface Reached {
  readonly state: State
  readonly step: Step
}

const replicas = 2

/** Every interleaving, breadth first, so that the first trace of each violation is a shortest one. */
export function search(scenario: Scenario, { statesMax, until }: SearchBounds): SearchResult {
  const findings = new Findings()
  const start = initialState(scenario.callers, replicas, budgetOf(scenario.faults, scenario.faultsMax))
  const seen = new Set([stateKey(start)])
  let frontier: Reached[] = [{ state: start, step: { label: '', previous: null } }]
  let depth = 0
  for (; frontier.length > 0; depth += 1) {
    const next: Reached[] = []
    for (const reached of frontier) {
      if (seen.size > statesMax || findings.includes(until)) {
        return { states: seen.size, depth, complete: false, findings: findings.list }
      }
      next.push(...reachedFrom(reached, scenario, findings, seen))
    }
    frontier = next
  }
  return { states: seen.size, depth, complete: true, findings: findings.list }
}

/** The states not seen before. A branch ends at its first violation: what follows from it proves nothing. */
function reachedFrom({ state, step }: Reached, scenario: Scenario, findings: Findings, seen: Set<string>): Reached[] {
  const moves = movesFrom(state, scenario)
  if (moves.every((move) => move.isFault)) {
    const quiet = new Violations()
    quiet.inspectQuiet(state, scenario.limit)
    findings.note(quiet.found, step)
  }
  const reached: Reached[] = []
  for (const move of moves) {
    const next = { label: move.label, previous: step }
    if (move.violations.size > 0) {
      findings.note(move.violations, next)
      continue
    }
    const key = stateKey(move.state)
    if (seen.has(key)) continue
    seen.add(key)
    reached.push({ state: move.state, step: next })
  }
  return reached
}
