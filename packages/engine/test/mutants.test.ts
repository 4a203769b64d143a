import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { equivalents } from '../mutants/equivalents.js'
import { luaMutants, mutantsOf, nameOf } from '../mutants/mutate.js'

function changesOf(source: string): string[] {
  return mutantsOf('some', source).map(({ line, change }) => `${line}: ${change}`)
}

it.each([
  { source: 'local a = b < c', changes: ['1: < -> <=', '1: < -> >='] },
  { source: 'local a = (b + 1) == c', changes: ['1: + -> -', '1: 1 -> 0', '1: == -> ~='] },
  { source: 'local a = 1 + 1', changes: ['1: 1 -> 0', '1: + -> -', '1: 1 -> 0 (2)'] },
  {
    source: 'local a = not b and math.min(c, 7)',
    changes: ['1: not removed', '1: and -> or', '1: min -> max', '1: 7 -> 8'],
  },
  {
    source: "redis.call('PEXPIRE', state_key)",
    changes: ['1: removed', "1: 'PEXPIRE' -> 'EXPIRE'", '1: state_key -> replicas_key'],
  },
  { source: 'if a then\n  return\nend\nreturn b', changes: ['1: negated', '2: removed'] },
  { source: 'for _, a in b do\n  a.c = true\n  break\nend', changes: ['2: removed', '2: true -> false', '3: removed'] },
  { source: '#!lua\n-- 1 == 1', changes: [] },
])('changes $source in one place at a time', ({ source, changes }) => {
  expect(changesOf(source)).toEqual(changes)
})

it('changes what it names and nothing else', () => {
  const [first] = mutantsOf('lib/some', '#!lua\n-- a comment\nlocal a =  b >= 0\n')
  expect(first).toEqual({
    file: 'lib/some',
    line: 3,
    text: 'local a =  b >= 0',
    change: '>= -> >',
    source: '#!lua\n-- a comment\nlocal a =  b > 0\n',
  })
})

it('lists as equivalent only what it makes', () => {
  const made = new Set(luaMutants(fileURLToPath(new URL('../lua', import.meta.url))).map(nameOf))
  expect(made.size).toBeGreaterThan(900)
  expect(equivalents.map(nameOf).filter((name) => !made.has(name))).toEqual([])
})
