// npm run matrix -- /path/to/redis-server /path/to/valkey-server …
// Runs what touches Redis (Lua tables, store, waiting room, conformance, scoreboard) on each of these servers, and prints a table. Without a
// path: on the images below, where a Docker engine answers. `--only <vitest argument>`, any number of times, runs less.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { prepare } from './prepare.mjs'

const images = [
  'redis:7.0-alpine',
  'redis:7.4-alpine',
  'redis:8.0-alpine',
  'valkey/valkey:7.2-alpine',
  'valkey/valkey:8.0-alpine',
  'valkey/valkey:8.1-alpine',
]
const everything = [
  ...['lua-', 'redis-', 'model-redis', 'room-redis'].map((name) => `packages/engine/test/${name}`),
  'packages/conformance',
]
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url))

/** @typedef {{ engine: string, env: Record<string, string> }} Server */

/** @returns {{ servers: Server[], tests: string[] }} */
function readArguments() {
  const programs = []
  const tests = []
  const given = process.argv.slice(2)
  while (given.length > 0) {
    const next = given.shift() ?? ''
    if (next === '--only') tests.push(given.shift() ?? '')
    else programs.push(resolve(next))
  }
  const servers =
    programs.length > 0
      ? programs.map((program) => ({ engine: versionOf(program), env: { SIGNALBOX_TEST_REDIS_PROGRAM: program } }))
      : images.map((image) => ({ engine: image, env: { SIGNALBOX_TEST_REDIS_IMAGE: image } }))
  return { servers, tests: tests.length > 0 ? tests : everything }
}

/** @param {string} program "Redis server v=8.0.2 …" is Redis 8.0.2. */
function versionOf(program) {
  const { stdout, error } = spawnSync(program, ['--version'], { encoding: 'utf8' })
  const said = error === undefined ? /^(\w+) server v=(\S+)/.exec(stdout) : null
  if (said !== null) return `${said[1]} ${said[2]}`
  console.error(`${program} is no redis-server or valkey-server${error === undefined ? '' : ` (${error.message})`}.`)
  process.exit(1)
}

/**
 * @param {Server} server
 * @param {string[]} tests
 */
function run({ engine, env }, tests) {
  console.log(`\n=== ${engine}`)
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-matrix-'))
  const file = join(folder, 'results.json')
  const startMs = performance.now()
  const { status } = spawnSync(
    process.execPath,
    [vitest, 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`, ...tests],
    { stdio: 'inherit', env: { ...process.env, ...env } },
  )
  const seconds = Math.round((performance.now() - startMs) / 1_000)
  const { passed, failed } = countsOf(file)
  rmSync(folder, { recursive: true, force: true })
  return { engine, passed, failed, seconds, isGood: status === 0 }
}

/** @param {string} file */
function countsOf(file) {
  try {
    /** @type {{ numPassedTests: number, numFailedTests: number }} */
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(file, 'utf8'))
    return { passed: numPassedTests, failed: numFailedTests }
  } catch {
    return { passed: 0, failed: 0 }
  }
}

const { servers, tests } = readArguments()
prepare()
const rows = servers.map((server) => run(server, tests))
console.log(`\n| engine | passed | failed | seconds |\n|---|---|---|---|`)
for (const { engine, passed, failed, seconds, isGood } of rows) {
  console.log(`| ${engine} | ${passed} | ${failed}${isGood || failed > 0 ? '' : ' (the run broke off)'} | ${seconds} |`)
}
process.exit(rows.every(({ isGood }) => isGood) ? 0 : 1)
