import type { HistoryEvent } from './history/event.js'
import type { History } from './history/history.js'
import { invariants, type Findings, type Violation } from './checker/findings.js'

const shownViolations = 5
const shownEvents = 24
const aroundMs = 400

/** What a run adds up to. */
export class Tally {
  readonly #operations = new Map<string, number>()
  readonly #outcomes = new Map<string, number>()
  readonly #faults = new Map<string, number>()
  readonly #checks = new Map<string, number>()
  #longestWaitMs = 0
  #grants = 0
  #samples = 0
  #staleWritesRefused = 0
  #leasesLost = 0
  #requests = 0
  rounds = 0
  violations = 0

  add(history: History, findings: Findings): void {
    this.rounds += 1
    this.violations += findings.violations.length
    this.#samples += history.of('sample').length
    this.#requests += history.of('request').length
    this.#leasesLost += history.of('lost').length
    this.#staleWritesRefused += history.of('access').filter(({ accepted }) => !accepted).length
    const waits = new Map(history.of('wait').map((wait) => [wait.call, wait]))
    for (const { call, outcome, at } of history.of('wait-over')) {
      const wait = waits.get(call)
      if (wait === undefined) continue
      count(this.#operations, wait.act)
      count(this.#outcomes, outcome)
      this.#longestWaitMs = Math.max(this.#longestWaitMs, at - wait.at)
      if (outcome === 'held') this.#grants += 1
    }
    for (const { fault, phase } of history.of('fault')) if (phase === 'begins') count(this.#faults, fault)
    for (const [invariant, checks] of findings.checks) count(this.#checks, invariant, checks)
  }

  /** The run as a row of docs/reliability.md. */
  row(name: string): string {
    const cells = [
      name,
      this.rounds,
      sumOf(this.#operations),
      this.#grants,
      this.#requests,
      sumOf(this.#faults),
      this.#samples,
      sumOf(this.#checks),
      `${(this.#longestWaitMs / 1_000).toFixed(1)} s`,
      this.#leasesLost,
      this.#staleWritesRefused,
      this.violations,
    ]
    return `| ${cells.join(' | ')} |`
  }

  table(): string {
    const rows = [
      ['rounds', String(this.rounds)],
      ['calls', listed(this.#operations)],
      ['how they ended', listed(this.#outcomes)],
      ['requests over HTTP', String(this.#requests)],
      ['grants', String(this.#grants)],
      ['longest wait', `${Math.round(this.#longestWaitMs)} ms`],
      ['faults', listed(this.#faults)],
      ['leases lost to faults', String(this.#leasesLost)],
      ['stale writes refused', String(this.#staleWritesRefused)],
      ['samples of the store', String(this.#samples)],
      ...invariants.map((name) => [`checks of ${name}`, String(this.#checks.get(name) ?? 0)]),
      ['violations', String(this.violations)],
    ]
    return rows.map(([name = '', value = '']) => `  ${name.padEnd(24)}${value}`).join('\n')
  }
}

function count(counts: Map<string, number>, key: string, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by)
}

function sumOf(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((a, b) => a + b, 0)
}

function listed(counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].sort(([, a], [, b]) => b - a)
  return `${sumOf(counts)} (${sorted.map(([key, value]) => `${key} ${value}`).join(', ')})`
}

/** The first violations, each with what happened around it. */
export function explain(history: History, { violations }: Findings): string {
  return violations
    .slice(0, shownViolations)
    .map((violation) => {
      const { invariant, at, semaphore, text } = violation
      const head = `${invariant} at ${stamp(at, history)}${semaphore === undefined ? '' : `, ${semaphore}`}: ${text}`
      return [head, ...around(history, violation).map((event) => `    ${line(event, history)}`)].join('\n')
    })
    .join('\n\n')
}

function around(history: History, { at, semaphore, about = [] }: Violation): HistoryEvent[] {
  const near = history.events.filter((event) => {
    if (event.kind === 'fault') return Math.abs(event.at - at) <= 20 * aroundMs
    const text = JSON.stringify(event)
    if (about.some((named) => named !== '' && text.includes(named)))
      return event.kind !== 'sample' || Math.abs(event.at - at) <= aroundMs
    return Math.abs(event.at - at) <= aroundMs / 4 && 'semaphore' in event && event.semaphore === semaphore
  })
  const first = near.findIndex((event) => event.at >= at)
  const begin = Math.max(0, (first === -1 ? near.length : first) - Math.floor(shownEvents / 2))
  return near.slice(begin, begin + shownEvents)
}

function stamp(at: number, { events }: History): string {
  return `${((at - (events[0]?.at ?? 0)) / 1_000).toFixed(3)} s`
}

function line({ at, by, kind, ...rest }: HistoryEvent, history: History): string {
  return `${stamp(at, history)} ${by} ${kind} ${JSON.stringify(rest)}`
}
