import { parseArgs } from 'node:util'

export interface Options {
  /** Names of scenarios; all of them where none was named. */
  readonly only: readonly string[]
  readonly isQuick: boolean
  readonly json: string | null
}

/** @throws Error that says what is wrong, and what there is. */
export function optionsOf(args: readonly string[], names: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: { only: { type: 'string' }, quick: { type: 'boolean', default: false }, json: { type: 'string' } },
  })
  const only = values.only?.split(',') ?? [...names]
  const unknown = only.filter((name) => !names.includes(name))
  if (unknown.length > 0) throw new Error(`No scenario ${unknown.join(', ')}: there are ${names.join(', ')}.`)
  return { only, isQuick: values.quick, json: values.json ?? null }
}

/** RESULTS.md holds whole runs at full size, or nothing could be compared with it. */
export function isWhole({ isQuick }: Options, names: readonly string[], done: readonly { name: string }[]): boolean {
  return !isQuick && names.every((name) => done.some((result) => result.name === name))
}
