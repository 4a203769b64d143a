import type { Scenario } from './rules.js'
import { faults, initialState } from './state.js'
import type { Fault, State } from './state.js'
import { stateKey } from './state-key.js'
import { Violations } from './violations.js'
import type { Violation } from './violations.js'
import { movesFrom } from './world-moves.js'

export interface Finding {
  readonly violation: Violation
  /** How many first steps into it were met. A branch ends at its first violation. */
  count: number
  /** The shortest way there. */
  readonly trace: readonly string[]
}

export interface SearchResult {
  readonly states: number
  readonly depth: number
  /** False: cut off at the bound, so that what was not found proves nothing. */
  readonly complete: boolean
  readonly findings: readonly Finding[]
}

interface Node {
  readonly state: State
  readonly label: string
  readonly parent: Node | null
}

/** Breadth first over every interleaving, so that the first trace of each violation is a shortest one. */
export function search(scenario: Scenario, statesMax: number): SearchResult {
  const findings = new Map<Violation, Finding>()
  const note = (found: ReadonlySet<Violation>, last: Node): void => {
    for (const violation of found) {
      const known = findings.get(violation)
      if (known) known.count += 1
      else findings.set(violation, { violation, count: 1, trace: traceTo(last) })
    }
  }
  const start: Node = { state: initialState(scenario.callers, 2, budgetOf(scenario)), label: '', parent: null }
  const seen = new Set([stateKey(start.state)])
  let frontier = [start]
  let depth = 0
  for (; frontier.length > 0; depth += 1) {
    const next: Node[] = []
    for (const node of frontier) {
      const moves = movesFrom(node.state, scenario)
      if (moves.every((move) => move.isFault)) {
        const quiet = new Violations()
        quiet.inspectQuiet(node.state, scenario.limit)
        note(quiet.found, node)
      }
      for (const move of moves) {
        const reached: Node = { state: move.state, label: move.label, parent: node }
        if (move.violations.size > 0) {
          note(move.violations, reached)
          continue
        }
        const key = stateKey(move.state)
        if (seen.has(key)) continue
        seen.add(key)
        if (seen.size > statesMax) return { states: seen.size, depth, complete: false, findings: [...findings.values()] }
        next.push(reached)
      }
    }
    frontier = next
  }
  return { states: seen.size, depth, complete: true, findings: [...findings.values()] }
}

function budgetOf(scenario: Scenario): Record<Fault, number> {
  const budget = {} as Record<Fault, number>
  for (const fault of faults) budget[fault] = scenario.faults.includes(fault) ? scenario.faultsMax : 0
  return budget
}

function traceTo(last: Node): string[] {
  const trace: string[] = []
  for (let node = last; node.parent !== null; node = node.parent) trace.unshift(node.label)
  return trace
}
