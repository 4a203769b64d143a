/** What `signalbox run` was asked for. */
export interface RunPlan {
  readonly semaphore: string
  /** The limit to create the semaphore with. */
  readonly limit: number | undefined
  readonly permits: number
  readonly ttlMs: number
  /** Infinity: until granted. */
  readonly waitMs: number
  /** Between SIGTERM and SIGKILL, once the lease is lost. */
  readonly graceMs: number
  readonly holder: string
  /** Whether the child stays in the terminal's foreground, with this process. */
  readonly foreground: boolean
  readonly command: readonly [string, ...string[]]
}
