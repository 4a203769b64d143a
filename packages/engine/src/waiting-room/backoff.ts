const firstMs = 100

/** How long to leave a store alone that failed this many times in a row. */
export function backoffMs(failures: number, longestMs: number): number {
  return Math.min(firstMs * 2 ** Math.max(failures - 1, 0), longestMs)
}
