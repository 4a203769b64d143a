/** What the command line tells the warden of its child. Times are of `monotonicMs`, which both processes read alike. */
export type Order =
  /** The first one, and once. `untilMs`: so long is the lease certain to be held. */
  | {
      readonly kind: 'run'
      readonly command: readonly [string, ...string[]]
      readonly graceMs: number
      /** How long before the lease's deadline the end of the child begins. */
      readonly endEarlyMs: number
      readonly foreground: boolean
      readonly untilMs: number
    }
  | { readonly kind: 'held'; readonly untilMs: number }
  | { readonly kind: 'signal'; readonly signal: NodeJS.Signals }
  /** The lease is lost. */
  | { readonly kind: 'end' }

/** What the warden tells. */
export type Report =
  | { readonly kind: 'started'; readonly pid: number }
  /** There is no child. `code` is the system's: `ENOENT`, `EACCES`, … */
  | { readonly kind: 'not-started'; readonly code: string }
  | {
      readonly kind: 'ended'
      readonly code: number | null
      readonly signal: NodeJS.Signals | null
      /** Whether the warden ended it because the lease was running out. */
      readonly outOfTime: boolean
    }

/** The two ends of the channel are of one version: a look at the kind is enough. */
function isMessage(value: unknown, kinds: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false
  return typeof value.kind === 'string' && kinds.includes(value.kind)
}

export function isOrder(value: unknown): value is Order {
  return isMessage(value, ['run', 'held', 'signal', 'end'] satisfies Order['kind'][])
}

export function isReport(value: unknown): value is Report {
  return isMessage(value, ['started', 'not-started', 'ended'] satisfies Report['kind'][])
}

/** The system's monotonic clock: unlike `performance.now`, the same in every process. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
