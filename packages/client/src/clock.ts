/** The local monotonic clock, ms. Compared with nothing but itself: wall clocks of two machines never agree. */
export function nowMs(): number {
  return performance.now()
}
