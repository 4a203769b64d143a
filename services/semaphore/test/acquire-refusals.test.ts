import { describe, expect, test } from 'vitest'
import { openService, type OpenService, type ProblemBody } from './open-service.js'

/** What the second of two acquires is told. */
async function told(service: OpenService, ...creates: readonly (object | undefined)[]): Promise<string> {
  let detail = ''
  for (const create of creates) detail = (await service.acquire('a', { create })).json<ProblemBody>().detail
  return detail
}

describe('a conflict says the way out, over HTTP and in the SDK', () => {
  test.each([
    [true, false, 'say "bounded": true in `create` (SDK: new BoundedSemaphore)'],
    [false, true, 'say "bounded": false in `create` (SDK: new Semaphore)'],
  ])('where bounded is %s and asked for was %s', async (bounded, asked, wayOut) => {
    const detail = await told(openService(), { limit: 2, bounded }, { limit: 2, bounded: asked })
    expect(detail).toMatch(/^Semaphore "a" exists with limit 2, /)
    expect(detail).toContain(wayOut)
  })

  test('where only the limit is another', async () => {
    const detail = await told(openService(), { limit: 2 }, { limit: 3, onConflict: 'error' })
    expect(detail).toMatch(
      /^Semaphore "a" exists with limit 2, bounded; asked for was limit 3, bounded\. Leave "onConflict" out/,
    )
  })
})

describe('more permits than the limit', () => {
  const tooMany = async ({ acquire }: OpenService, create?: object): Promise<string> =>
    (await acquire('a', { permits: 4, create })).json<ProblemBody>().detail

  test('of a semaphore that is not there are told so', async () => {
    expect(await tooMany(openService(), { limit: 1 })).toBe(
      '4 permits can never be granted: semaphore "a" has, or would be created with, a limit of 1. If it is new, give it a larger limit: `create.limit`, the SDK’s value, --limit of the command line.',
    )
  })

  test.each([undefined, { limit: 5 }])('of one that is there are told its own limit (create: %j)', async (create) => {
    const service = openService()
    await service.acquire('a', { create: { limit: 1 } })
    expect(await tooMany(service, create)).toBe('4 permits can never be granted: semaphore "a" has a limit of 1.')
  })
})

describe('a semaphore that is not there', () => {
  test('is named with how to make it', async () => {
    expect(await told(openService(), undefined)).toContain('Say `create`')
  })

  test('any more is so for its waiters: they have said `create`', async () => {
    const { acquire, call, engine } = openService()
    const waiting = acquire('a', { waitMs: 5_000, create: { limit: 0 } })
    await expect.poll(() => engine.waiting).toBe(1)
    await call('DELETE', '/v1/semaphores/a')
    expect((await waiting).json<ProblemBody>().detail).toBe(
      'There is no semaphore "a". It was removed while this call waited.',
    )
  })
})
