import { execFile, spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { startService } from '../../scripts/service.mjs'

const run = promisify(execFile)
const path = (example: string): string => fileURLToPath(new URL(`../${example}`, import.meta.url))

/** Debian without anything has no curl, and before 7.82 it knew no --json. */
const hasCurl = spawnSync('curl', ['--json', '{}', '--version']).status === 0

let service: Awaited<ReturnType<typeof startService>>

beforeAll(async () => {
  service = await startService({
    REDIS_URL: inject('redisUrl'),
    SIGNALBOX_KEY_PREFIX: `examples-${String(process.pid)}:`,
  })
})
afterAll(() => service.stop())

async function output(program: string, ...args: string[]): Promise<string[]> {
  const { stdout } = await run(program, args, { env: { ...process.env, SIGNALBOX_URL: service.url } })
  return stdout.trimEnd().split('\n')
}

describe('the tutorial', () => {
  const acquired = 'Successfully acquired the semaphore'
  const releasing = 'Releasing Semaphore'

  test('two acquire, one releases, the third acquires, never three at once', async () => {
    // Long enough that all three have started before the first is done, on a busy machine too.
    const lines = await output(process.execPath, path('tutorial/main.mjs'), '2000')

    expect(lines.pop()).toBe('All Workers Completed')
    const said = lines.map((line) => /^\d\d:\d\d:\d\d\.\d{3} (worker [123]): (.*)$/.exec(line)?.slice(1) ?? line)
    expect(said.map(([, text]) => text)).toEqual([
      acquired,
      acquired,
      releasing,
      expect.anything(),
      expect.anything(),
      releasing,
    ])
    // The fourth and the fifth are the third's beginning and the second's end, either of which may be said first.
    expect(
      said
        .slice(3, 5)
        .map(([, text]) => text)
        .sort(),
    ).toEqual([releasing, acquired])

    const working = new Set<string | undefined>()
    const counts = said.map(([name, text]) => {
      if (text === acquired) working.add(name)
      else working.delete(name)
      return working.size
    })
    expect(Math.max(...counts)).toBe(2)
    expect(new Set(said.map(([name]) => name))).toEqual(new Set(['worker 1', 'worker 2', 'worker 3']))
  })
})

test('one release too many is a ValueError of the bounded semaphore, and one more permit of the counting one', async () => {
  expect(await output(process.execPath, path('bounded.mjs'))).toEqual([
    'ValueError: BoundedSemaphore released too many times',
    'The bounded one still has 2 permits.',
    'The counting one has 3 permits now.',
  ])
})

test.runIf(hasCurl)('with curl, one line holds a job and another releases it', async () => {
  const said = (await output('bash', path('curl.sh'))).join('\n')
  expect(said).toMatch(/# hold it.*\n\{"state":"held",.*"permits":1,/)
  expect(said).toMatch(/come back later\n\{.*"code":"PERMITS_UNAVAILABLE".*\}\nHTTP 429\n/)
  expect(said).toMatch(/# release it.*\n\{"state":"released",.*\}$/)
})

test.runIf(hasCurl)(
  'the four lines of curl in the README work only if granted, and show a release that fails',
  async () => {
    const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
    const snippet = /^```bash\n(.*?)^```$/ms.exec(readme)?.[1] ?? ''
    const lines = snippet.replaceAll('http://127.0.0.1:7600', service.url)
    const said = async (script: string): Promise<string> => (await output('bash', '-c', `${script}\nexit 0`)).join('\n')

    const held = '\\{"state":"held",.*\\} working\\n'
    expect(await said(lines)).toMatch(new RegExp(`^${held}\\{"state":"released",.*\\}$`))

    const early = `curl -sS $exports/release --json '{"leaseId": "'$id'"}' >/dev/null`
    const twice = await said(lines.replace("echo ' working'", `echo ' working'; ${early}`))
    expect(twice).toMatch(new RegExp(`^${held}\\{.*"code":"LEASE_NOT_HELD".*\\}$`))

    const refused = await said(lines.replace('"create": {"limit": 2}', '"permits": 3'))
    expect(refused).toMatch(/^\{.*"code":"PERMITS_EXCEED_LIMIT".*\}$/)
  },
)
