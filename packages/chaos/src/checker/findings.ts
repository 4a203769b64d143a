/** The promises of docs/spec.md that the history can decide, and `alive`: nothing ended or complained that should not have. */
export const invariants = [
  'I1',
  'I2',
  'I3',
  'I4',
  'I5',
  'I7',
  'I8',
  'I10',
  'I11',
  'I12',
  'I13',
  'I15',
  'alive',
] as const
export type Invariant = (typeof invariants)[number]

export interface Violation {
  readonly invariant: Invariant
  readonly at: number
  readonly text: string
  readonly semaphore?: string
  /** Lease ids, calls and requests that it is about. */
  readonly about?: readonly string[]
}

/** What the rules found: how often they looked, and what they saw. */
export class Findings {
  readonly violations: Violation[] = []
  readonly checks = new Map<Invariant, number>(invariants.map((invariant) => [invariant, 0]))

  /** Counts one look, and keeps what is wrong, if anything is. */
  check(invariant: Invariant, isKept: boolean, wrong: () => Omit<Violation, 'invariant'>): void {
    this.checks.set(invariant, (this.checks.get(invariant) ?? 0) + 1)
    if (!isKept) this.violations.push({ invariant, ...wrong() })
  }
}
