import type { Scenario } from './rules.js'
import { copyOf, replicaAt } from './state.js'
import type { Fault, Request, State } from './state.js'
import { Violations } from './violations.js'
import type { Violation } from './violations.js'

export interface Move {
  readonly label: string
  readonly state: State
  /** It need not happen: a state that has nothing but such moves left is quiet. */
  readonly isFault: boolean
  readonly violations: ReadonlySet<Violation>
}

/** Collects what may happen next in one state. */
export class Moves {
  readonly list: Move[] = []
  readonly scenario: Scenario
  readonly from: State

  constructor(from: State, scenario: Scenario) {
    this.from = from
    this.scenario = scenario
  }

  may(fault: Fault): boolean {
    return this.from.budget[fault] > 0
  }

  /** `change` gets a copy. With a `fault`, the move is offered only while the budget of each lasts. */
  add(label: string, change: (state: State, violations: Violations) => void, ...faults: readonly Fault[]): void {
    if (!faults.every((fault) => this.may(fault))) return
    const state = copyOf(this.from)
    for (const fault of faults) state.budget[fault] -= 1
    const violations = new Violations()
    change(state, violations)
    violations.inspect(state, this.scenario.limit)
    this.list.push({ label, state, isFault: faults.length > 0, violations: violations.found })
  }

  /** A move of one request, found again in the copy. */
  addFor(
    request: Request,
    label: string,
    change: (state: State, request: Request, violations: Violations) => void,
    ...faults: readonly Fault[]
  ): void {
    const index = this.from.requests.indexOf(request)
    this.add(
      label,
      (state, violations) => {
        const copied = state.requests[index]
        if (copied === undefined) throw new Error(`no request ${index}`)
        change(state, copied, violations)
      },
      ...faults,
    )
  }

  get reachableReplicas(): number[] {
    return this.from.replicas.flatMap((_, replica) => (replicaAt(this.from, replica).phase === 'down' ? [] : [replica]))
  }
}
