import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test, vi } from 'vitest'
import { check } from '../src/checker/check.js'
import { readHistory } from '../src/history/history.js'
import { explain } from '../src/report.js'
import { builtService } from '../src/world/replica.js'
import { playRound, type RoundOptions } from '../src/world/round.js'
import { World } from '../src/world/world.js'
import type { SabotageName } from './sabotage/sabotages.js'

const sabotagedService = fileURLToPath(new URL('sabotage/main.ts', import.meta.url))

/** The load of the fault run on a replica that runs this program; `look` sees the history as it grows. */
async function onLoad<Seen>(
  program: readonly string[],
  settings: Partial<RoundOptions>,
  look: (directory: string, round: Promise<void>) => Promise<Seen>,
): Promise<Seen> {
  const directory = mkdtempSync(join(tmpdir(), 'signalbox-sabotage-'))
  const world = await World.open({ replicas: 1, program, onMishap: () => undefined })
  const options = { seed: 1, round: 1, directory, sdkClients: 2, plainClients: 1, forMs: 8_000, ...settings }
  const round = playRound(world, options)
  try {
    return await look(directory, round)
  } finally {
    await round
    await world.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Some seconds where the machine is idle. */
const foundWithinMs = 50_000

/** What the checker has to say: not the invariant alone, for waits that have not ended yet break I8 in the middle of a round. */
const expected: Readonly<Record<SabotageName, RegExp>> = {
  'one permit too many': /^I1 .* permits are on live leases/,
  'last come, first served': /^I3 .* was granted before number/,
  'newcomers before the queue': /^I3 .* had not even queued/,
  'a fence used twice': /^I5 fence \d+ was given to two leases/,
  'a permit lost at some releases': /^I15 .* permits are counted as used/,
  'a release that wakes nobody': /^I8 the head of the queue wants .* was not granted/,
  'a grant that nobody is told of': /^I8 .* was told of its lease .* ms after the store had it/,
  'a renewal that is not written': /^I11 .* which the store had no longer/,
}

test.each(Object.entries(expected))('%s is found', async (sabotage, words) => {
  const program = ['--import', 'tsx', sabotagedService, sabotage]
  const found = new AbortController()
  const settings = { isFaulty: false, forMs: foundWithinMs, signal: found.signal }
  await onLoad(program, settings, async (directory) => {
    try {
      const look = (): string =>
        check(readHistory(directory))
          .violations.map(({ invariant, text }) => `${invariant} ${text}`)
          .find((told) => words.test(told)) ?? 'nothing'
      await vi.waitFor(() => expect(look()).toMatch(words), { timeout: foundWithinMs, interval: 300 })
    } finally {
      found.abort()
    }
  })
})

test('a replica that does not start says why, and leaves nothing open', async () => {
  const program = ['--import', 'tsx', sabotagedService, 'none']
  const opening = World.open({ replicas: 1, program, onMishap: () => undefined })
  await expect(opening).rejects.toThrow(/^replica-1 does not start: 1\n[^]*there is no sabotage "none"/)
})

test('the service as it is passes under faults, and every promise is looked at', async () => {
  await onLoad([...builtService], { isFaulty: true }, async (directory, round) => {
    await round
    const history = readHistory(directory)
    const findings = check(history)
    expect(explain(history, findings)).toBe('')
    // Seconds are too few for a client that is killed while all else is well.
    const unseen = [...findings.checks].filter(([invariant, checks]) => checks === 0 && invariant !== 'I10')
    expect(unseen).toEqual([['alive', 0]])
  })
})
