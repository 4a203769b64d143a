import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { drawCharts } from './chart.js'
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
  for (const scenario of scenarios.filter(({ name }) => options.only.includes(name))) {
    process.stdout.write(`${scenario.name} ... `)
    const startedAtMs = performance.now()
    try {
      const { name, title, charted } = scenario
      const result = { name, title, charted, ...(await scenario.run(stage)) }
      results.push(result)
      console.log(`${((performance.now() - startedAtMs) / 1_000).toFixed(0)} s\n\n${textOfResult(result)}\n`)
    } catch (error) {
      // What the others find in ten minutes is not thrown away for it.
      console.error(error)
      process.exitCode = 1
    }
  }
  const about = circumstances(await stage.describe(), load)
  const report = jsonReport(results, about, options.isQuick)
  console.log(figureTable(results.flatMap(({ figures }) => figures)))
  if (isWhole(options, names, results)) {
    writeFileSync(new URL('../RESULTS.md', import.meta.url), markdown(results, about))
    drawCharts(report, new URL('../charts/', import.meta.url))
  } else {
    console.log('\nbenchmarks/RESULTS.md stays as it is: only a whole run at full size is written there.')
  }
  if (options.json !== null) {
    writeFileSync(resolve(userFolder, options.json), `${JSON.stringify(report, null, 2)}\n`)
  }
} finally {
  await stage.close()
}
