import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, inject, onTestFinished, test } from 'vitest'
import { startService } from '../../scripts/service.mjs'

const run = promisify(execFile)
const clone = fileURLToPath(new URL('../..', import.meta.url))

test('the quick start does what it says, as the running service shows it', async () => {
  const service = await startService({
    REDIS_URL: inject('redisUrl'),
    SIGNALBOX_KEY_PREFIX: `quick-start-${randomUUID()}:`,
  })
  onTestFinished(() => service.stop())
  const directory = await mkdtemp(join(tmpdir(), 'signalbox-quick-start-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const page = await (await fetch(`${service.url}/quick-start`)).text()

  const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, code = '']) => code)
  expect(blocks).toHaveLength(9)
  // Line for line as it would be pasted, but into a directory of the test's, and with a condition where a person waits a second.
  const script = blocks
    .join('\necho\n')
    .replaceAll('/tmp/signalbox-quick-start', directory)
    .replaceAll(
      'sleep 1;',
      `until curl -sS $SIGNALBOX_URL/v1/semaphores/reports | grep -q '"used":1'; do sleep 0.1; done;`,
    )
  const { stdout } = await run('bash', ['-c', script], {
    cwd: clone,
    env: { ...process.env, npm_config_offline: 'true' },
  })

  const said = stdout.split('\n').filter((line) => line !== '')
  expect(said.slice(0, 4)).toEqual([
    expect.stringContaining('"status":"ready"'),
    expect.stringContaining('"state":"held"'),
    expect.stringContaining('"code":"PERMITS_UNAVAILABLE"'),
    expect.stringContaining('"state":"released"'),
  ])
  const workers = said.slice(4, 10)
  expect(workers.filter((line) => / works$/.test(line))).toHaveLength(3)
  const atWork = workers.map((_, index) => {
    const so = workers.slice(0, index + 1)
    return so.filter((line) => / works$/.test(line)).length - so.filter((line) => / is done$/.test(line)).length
  })
  expect(Math.max(...atWork)).toBeLessThanOrEqual(2)
  expect(atWork.at(-1)).toBe(0)
  expect(said.slice(10)).toEqual([
    'four works',
    expect.stringMatching(/"holder":"somebody".*four is done$/),
    'victim works',
    expect.stringContaining('"used":1'),
  ])
})
