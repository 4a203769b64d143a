import type { Violation } from './violations.js'

/** How a state was reached. Without the state, of which a long search has millions. */
export interface Step {
  readonly label: string
  readonly previous: Step | null
}

export interface Finding {
  readonly violation: Violation
  /** How many first steps into it were met; a branch ends there. */
  readonly count: number
  /** The shortest way there. */
  readonly trace: readonly string[]
}

/** The first, and so shortest, way to each violation that a breadth-first search meets. */
export class Findings {
  readonly #found = new Map<Violation, Finding>()

  note(violations: ReadonlySet<Violation>, last: Step): void {
    for (const violation of violations) {
      const known = this.#found.get(violation) ?? { violation, count: 0, trace: traceTo(last) }
      this.#found.set(violation, { ...known, count: known.count + 1 })
    }
  }

  includes(violation: Violation | undefined): boolean {
    return violation !== undefined && this.#found.has(violation)
  }

  get list(): Finding[] {
    return [...this.#found.values()]
  }
}

function traceTo(last: Step): string[] {
  const trace: string[] = []
  for (let step = last; step.previous !== null; step = step.previous) trace.unshift(step.label)
  return trace
}
