/** Runs `work` so many times, so many at once; each is told which one it is. */
export async function inFlight(
  times: number,
  atOnce: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < times) await work(next++)
  }
  await Promise.all(Array.from({ length: Math.min(times, atOnce) }, worker))
}
