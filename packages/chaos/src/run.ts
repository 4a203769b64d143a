import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { check } from './checker/check.js'
import { nowMs } from './clock.js'
import { readHistory } from './history/history.js'
import type { RunOptions } from './options.js'
import { explain, Tally } from './report.js'
import { playRound } from './world/round.js'
import { World } from './world/world.js'

/** How long faults happen in one round; what comes after takes up to half as long again. */
const roundMs = 60_000
const shortestRoundMs = 20_000
const afterRoundMs = 15_000
const progressEveryMs = 10_000

/**
 * Rounds until the time is over, or until one has failed: then its history stays. A round's history is checked and dropped before the next, so
 * that an hour needs no more memory than a minute.
 */
export async function run(options: RunOptions, directory: string, say: (line: string) => void): Promise<boolean> {
  const tally = new Tally()
  const startMs = nowMs()
  const untilMs = startMs + options.minutes * 60_000
  const strays: string[] = []
  const world = await World.open({
    replicas: options.replicas,
    onMishap: (process, text) => strays.push(`${process}: ${text}`),
  })
  let hasFailed = false
  try {
    for (let round = options.firstRound; !hasFailed; round += 1) {
      const forMs = Math.min(roundMs, untilMs - nowMs() - afterRoundMs)
      if (forMs < shortestRoundMs && round > options.firstRound) break
      hasFailed = !(await one(world, { ...options, round, forMs, directory }, tally, strays, say))
    }
  } finally {
    await world.close()
  }
  say(`\n${tally.table()}\n\n${tally.row(`\`--minutes ${options.minutes} --seed ${options.seed}\``)}\n`)
  return !hasFailed
}

interface RoundOf extends Omit<RunOptions, 'directory'> {
  readonly round: number
  readonly forMs: number
  readonly directory: string
}

async function one(
  world: World,
  { seed, round, forMs, directory }: RoundOf,
  tally: Tally,
  strays: string[],
  say: (line: string) => void,
): Promise<boolean> {
  const place = join(directory, `round-${round}`)
  const startMs = nowMs()
  let calls = 0
  const seconds = (): string => `${Math.round((nowMs() - startMs) / 1_000)} s`
  const progress = setInterval(() => say(`round ${round}, ${seconds()}: ${calls} calls`), progressEveryMs)
  try {
    await playRound(world, { seed, round, forMs, directory: place, onProgress: (sum) => (calls = sum) })
  } finally {
    clearInterval(progress)
  }
  const history = readHistory(place)
  const findings = check(history)
  for (const stray of strays.splice(0)) {
    findings.check('alive', false, () => ({ at: nowMs(), text: stray }))
  }
  tally.add(history, findings)
  const { length } = findings.violations
  say(`round ${round}, ${seconds()}: ${calls} calls, ${length === 0 ? 'every invariant held' : `${length} violations`}`)
  if (length === 0) await rm(place, { recursive: true })
  else say(`\n${explain(history, findings)}\n\nThe history is in ${place}`)
  return length === 0
}
