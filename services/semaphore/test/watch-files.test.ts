import { expect, test, vi } from 'vitest'
import { watchFiles, type Contents } from '../src/watch-files.js'

/** Each look of the watch finds the next of these; the last stays. */
async function seenOf(looks: readonly Contents[]): Promise<Contents[]> {
  vi.useFakeTimers()
  const seen: Contents[] = []
  let look = 0
  const paths = looks[0]?.map((_content, index) => String(index)) ?? []
  const read = (path: string) => Promise.resolve((looks[look] ?? looks.at(-1))?.[Number(path)] ?? null)
  const stop = watchFiles(paths, ['old', 'old'].slice(0, paths.length), (contents) => seen.push(contents), read)
  for (; look < looks.length + 2; look += 1) await vi.advanceTimersToNextTimerAsync()
  stop()
  expect(vi.getTimerCount()).toBe(0)
  vi.useRealTimers()
  return seen
}

test.each<[what: string, looks: Contents[], seen: Contents[]]>([
  ['that stay as they are are not told of', [['old'], ['old']], []],
  ['that change are told of once', [['new'], ['new'], ['new']], [['new']]],
  ['that are being written are not, until they have come to rest', [['n'], ['ne'], ['new'], ['new']], [['new']]],
  ['that were written halfway and are as before are not told of', [['ol'], ['old'], ['old']], []],
  [
    'of which one is written after the other are told of together',
    [
      ['new', 'old'],
      ['new', 'new'],
      ['new', 'new'],
    ],
    [['new', 'new']],
  ],
  ['that go and come back are told of both times', [[null], [null], ['old'], ['old']], [[null], ['old']]],
])('files %s', async (_what, looks, seen) => {
  expect(await seenOf(looks)).toEqual(seen)
})
