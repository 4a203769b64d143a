/** One way to do what a scenario measures. */
export interface Contestant<Result> {
  readonly name: string
  readonly round: () => Promise<Result>
}

/**
 * Each contestant's results, a round each. They take turns, so that whatever else the machine does meanwhile meets all of them; the first
 * round only warms up.
 */
export async function contest<Result>(
  contestants: readonly Contestant<Result>[],
  rounds: number,
): Promise<Map<string, Result[]>> {
  const results = new Map<string, Result[]>(contestants.map(({ name }) => [name, []]))
  for (let round = 0; round <= rounds; round += 1) {
    for (const { name, round: run } of contestants) {
      const result = await run()
      if (round > 0) results.get(name)?.push(result)
    }
  }
  return results
}
