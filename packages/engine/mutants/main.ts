import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { equivalents } from './equivalents.js'
import { openLane, type Lane, type Verdict } from './lane.js'
import { luaMutants, type Mutant, nameOf } from './mutate.js'
import { type Stage, stages } from './test-run.js'

const usage = `npm run mutants -- [--sample N --seed S] [--file NAME] [--named FILE] [--lanes N] [--floor PERCENT]
Changes the Lua in one place at a time and says how many of the changes some test notices.
  --sample N       so many of them, chosen by the seed (1)
  --file NAME      those of one file: acquire, lib/queue
  --named FILE     those that this file names, one a line, as this program prints them
  --lanes N        so many at a time (2)
  --floor PERCENT  fail below this share (95)`

interface Judged {
  readonly mutant: Mutant
  readonly verdict: Verdict
}

const repository = fileURLToPath(new URL('../../..', import.meta.url))

function sampleOf(mutants: readonly Mutant[], size: number, seed: number): Mutant[] {
  const count = Math.min(size, mutants.length)
  const subset = fc.shuffledSubarray([...mutants], { minLength: count, maxLength: count })
  return fc.sample(subset, { seed, numRuns: 1 })[0] ?? []
}

async function judgeAll(mutants: readonly Mutant[], stage: Stage, lanes: readonly Lane[]): Promise<Judged[]> {
  const left = [...mutants]
  const judged: Judged[] = []
  const work = async (lane: Lane): Promise<void> => {
    for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
      const verdict = await lane.judge(mutant, stage)
      judged.push({ mutant, verdict })
      const outcome = { killed: 'killed', survived: 'SURVIVED', void: 'void' }[verdict.kind]
      const why = verdict.kind === 'killed' ? ` by ${verdict.by}` : verdict.kind === 'void' ? `: ${verdict.why}` : ''
      console.log(
        `${stage.name} ${judged.length}/${mutants.length} ${nameOf(mutant)} | line ${mutant.line} ${outcome}${why}`,
      )
    }
  }
  await Promise.all(lanes.map(work))
  return judged
}

/** Returns the share that was killed, in percent. */
async function run(mutants: readonly Mutant[], lanes: readonly Lane[]): Promise<number> {
  let left = mutants
  let counted = mutants.length
  for (const stage of stages) {
    const judged = await judgeAll(left, stage, lanes)
    const of = (kind: Verdict['kind']): Mutant[] =>
      judged.filter(({ verdict }) => verdict.kind === kind).map(({ mutant }) => mutant)
    counted -= of('void').length
    left = of('survived')
    console.log(`${stage.name}: ${of('void').length} void, ${of('killed').length} killed, ${left.length} left`)
  }
  const share = (100 * (counted - left.length)) / Math.max(counted, 1)
  console.log(`\n${counted} mutants that could be noticed, ${left.length} survived:`)
  for (const mutant of left) console.log(`  ${nameOf(mutant)}`)
  console.log(`${share.toFixed(1)} % were noticed.`)
  return share
}

const { values } = parseArgs({
  options: {
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    file: { type: 'string' },
    named: { type: 'string' },
    lanes: { type: 'string', default: '2' },
    floor: { type: 'string', default: '95' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(usage)
} else {
  const equal = new Set(equivalents.map(nameOf))
  const named =
    values.named === undefined
      ? null
      : new Set(
          readFileSync(values.named, 'utf8')
            .split('\n')
            .map((line) => line.trim()),
        )
  const asked = luaMutants(fileURLToPath(new URL('../lua', import.meta.url)))
    .filter(({ file }) => values.file === undefined || file === values.file)
    .filter((mutant) => named === null || named.has(nameOf(mutant)))
  const mutants = asked.filter((mutant) => !equal.has(nameOf(mutant)))
  console.log(
    `${asked.length} mutants, of which ${asked.length - mutants.length} change nothing that counts (equivalents.ts).`,
  )
  const chosen = values.sample === undefined ? mutants : sampleOf(mutants, Number(values.sample), Number(values.seed))
  const lanes: Lane[] = []
  try {
    for (let opened = 0; opened < Number(values.lanes); opened += 1) lanes.push(await openLane(repository))
    await lanes[0]?.checkHealthy()
    if ((await run(chosen, lanes)) < Number(values.floor)) process.exitCode = 1
  } finally {
    await Promise.all(lanes.map((lane) => lane.close()))
  }
}
