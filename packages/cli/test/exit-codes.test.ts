import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { exitCodeMeanings } from '../src/exit-codes.js'

test('the README has every exit code, as the help says it', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  const rows = [...readme.matchAll(/^\| (\d+) \| (.*) \|$/gm)].map(([, code, meaning]) => [code, meaning])
  expect(rows).toEqual(Object.entries(exitCodeMeanings))
})
