import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { circumstances, loadNow } from './machine.js'
import { isWhole, optionsOf } from './options.js'
import { figureTable, jsonReport, markdown, textOfResult } from './report.js'
import type { Result } from './report.js'
import { scenarios } from './scenarios/all.js'
import { openStage } from './stage.js'

const names = scenarios.map(({ name }) => name)
const options = optionsOf(process.argv.slice(2), names)
// npm runs this in its own folder; a path is meant from where the user is.
const userFolder = process.env['INIT_CWD'] ?? process.cwd()
const results: Result[] = []
const load = loadNow()
if (options.isQuick) console.log('A quick run: small sizes, to see that it works. Its figures say nothing.')

const stage = await openStage(options.isQuick)
try {
  for (const { name, title, run } of scenarios.filter((scenario) => options.only.includes(scenario.name))) {
    process.stdout.write(`${name} ... `)
    const startedAtMs = performance.now()
    const result = { name, title, ...(await run(stage)) }
    results.push(result)
    console.log(`${((performance.now() - startedAtMs) / 1_000).toFixed(0)} s\n\n${textOfResult(result)}\n`)
  }
  const about = circumstances(await stage.describe(), load)
  console.log(figureTable(results.flatMap(({ figures }) => figures)))
  if (isWhole(options, names)) writeFileSync(new URL('../RESULTS.md', import.meta.url), markdown(results, about))
  else console.log('\nbenchmarks/RESULTS.md stays as it is: only a whole run at full size is written there.')
  if (options.json !== null) {
    const report = jsonReport(results, about, options.isQuick)
    writeFileSync(resolve(userFolder, options.json), `${JSON.stringify(report, null, 2)}\n`)
  }
} finally {
  await stage.close()
}
