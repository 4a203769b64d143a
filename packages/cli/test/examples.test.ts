import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'

const read = (path: string): Promise<string> => readFile(new URL(path, import.meta.url), 'utf8')

interface Example {
  readonly name: string
  readonly limit: number
  readonly permits: number
}

/** Every `signalbox run NAME …` that is shown with a command after it. */
function examplesIn(text: string): Example[] {
  return [...text.matchAll(/signalbox run ([\w-]+) (.*?)-- /g)].map(([, name = '', options = '']) => ({
    name,
    limit: Number(/--limit (\d+)/.exec(options)?.[1] ?? 1),
    permits: Number(/--permits (\d+)/.exec(options)?.[1] ?? 1),
  }))
}

const shown = ['../../../README.md', '../README.md', '../src/commands/run.ts']

test.each(shown)('what %s shows works where the semaphore is not there yet', async (path) => {
  const examples = examplesIn(await read(path))
  expect(examples).not.toEqual([])
  expect(examples.filter(({ limit, permits }) => permits > limit)).toEqual([])
})

test('no name is shown both here, which makes it bounded, and for the SDK’s Semaphore, which is not', async () => {
  const bounded = (await Promise.all(shown.map(read))).flatMap(examplesIn).map(({ name }) => name)
  const pages = await Promise.all(
    ['../../../README.md', '../../client/README.md', '../../../docs/quick-start.md'].map(read),
  )
  const unbounded = pages.flatMap((page) => [...page.matchAll(/new Semaphore\('([\w-]+)'/g)].map(([, name]) => name))
  expect(unbounded).not.toEqual([])
  expect(bounded.filter((name) => unbounded.includes(name))).toEqual([])
})
