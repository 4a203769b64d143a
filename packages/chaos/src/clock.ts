/** CLOCK_MONOTONIC, ms: one clock for all processes of a machine, and no step of the wall clock reaches it. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
