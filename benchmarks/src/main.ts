import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createEngine, createRedisStore } from '@signalbox/engine'
import { startTestRedis } from '@signalbox/test-redis'
import { startService } from '../../scripts/service.mjs'
import type { Row } from './figures.js'
import { circumstances, loadNow } from './machine.js'
import { figureReport, markdown, table } from './report.js'
import { engineThroughput } from './scenarios/engine-throughput.js'
import { handoff } from './scenarios/handoff.js'
import { httpThroughput } from './scenarios/http-throughput.js'
import { idleWaiters } from './scenarios/idle-waiters.js'

const { values } = parseArgs({ options: { json: { type: 'string' } } })
// npm runs this in its own folder; a path is meant from where the user is.
const userFolder = process.env['INIT_CWD'] ?? process.cwd()

const redis = await startTestRedis({ ownServer: true })
const service = await startService({ REDIS_URL: redis.url })
const store = createRedisStore({ url: redis.url, keyPrefix: 'bench:' })
const engine = createEngine({ store })
const rows: Row[] = []
const load = loadNow()

async function run(name: string, scenario: () => Promise<Row[]>): Promise<void> {
  process.stdout.write(`${name} ... `)
  const startedAtMs = performance.now()
  rows.push(...(await scenario()))
  console.log(`${((performance.now() - startedAtMs) / 1_000).toFixed(0)} s`)
}

try {
  await run('Throughput over HTTP', () => httpThroughput(service.url))
  await run('Throughput in process', () => engineThroughput(engine, redis.url))
  await run('Hand-over', () => handoff(engine, service.url, redis.url))
  await run('Idle waiters', () => idleWaiters(service.url, redis.url))
  console.log(`\n${table(rows)}`)
  writeFileSync(new URL('../RESULTS.md', import.meta.url), markdown(rows, circumstances(await store.ping(), load)))
  if (values.json !== undefined) {
    writeFileSync(resolve(userFolder, values.json), `${JSON.stringify(figureReport(rows), null, 2)}\n`)
  }
} finally {
  await engine.close()
  await store.close()
  await service.stop()
  await redis.stop()
}
