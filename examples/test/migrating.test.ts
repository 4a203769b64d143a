import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { startService } from '../../scripts/service.mjs'

// What the guides on moving show, before and after, as it stands there: the same program does the same with both.

const run = promisify(execFile)
const path = (program: string): string => fileURLToPath(new URL(`../migrating/${program}.mjs`, import.meta.url))

let service: Awaited<ReturnType<typeof startService>>

beforeAll(async () => {
  service = await startService({ REDIS_URL: inject('redisUrl'), SIGNALBOX_KEY_PREFIX: `migrating-${randomUUID()}:` })
})
afterAll(() => service.stop())

/** Several processes at once, which write to one and the same output: so its lines stand in the order in which they were written. */
async function together(program: string, names: readonly (readonly string[])[]): Promise<string[]> {
  const commands = names.map((some) => `"${process.execPath}" "${path(program)}" ${some.join(' ')} &`)
  const script = `${commands.join('\n')}\nfor job in $(jobs -p); do wait $job || exit 1; done`
  const env = { ...process.env, REDIS_URL: inject('redisUrl'), SIGNALBOX_URL: service.url, WORK_MS: '200' }
  const { stdout, stderr } = await run('bash', ['-c', script], { env })
  expect(stderr).toBe('')
  return stdout.trimEnd().split('\n')
}

function mostAtOnce(lines: readonly string[]): number {
  let working = 0
  let most = 0
  for (const line of lines) {
    working += line.endsWith(' works') ? 1 : -1
    most = Math.max(most, working)
  }
  return most
}

const alone = [['one'], ['two'], ['three'], ['four']]
const lists = [
  ['one', 'two', 'three'],
  ['four', 'five', 'six'],
]

describe.each([
  { library: 'redis-semaphore', limit: 2, names: alone, programs: ['before', 'after'] },
  { library: 'redlock', limit: 1, names: alone, programs: ['before', 'after'] },
  { library: 'bottleneck', limit: 2, names: lists, programs: ['before', 'after'] },
  { library: 'redisson', limit: 2, names: alone, programs: ['after'] },
])('moving from $library', ({ library, limit, names, programs }) => {
  test.each(programs)('%s: all are done, and no more than the limit at once', async (program) => {
    const lines = await together(`${library}/${program}`, names)
    const expected = names.flat().flatMap((name) => [`${name} works`, `${name} is done`])
    expect([...lines].sort()).toEqual(expected.sort())
    expect(mostAtOnce(lines)).toBeLessThanOrEqual(limit)
  })
})
