import type { ArgType } from '../src/redis/script-spec.js'
import { HeaderError } from './header.js'
import type { Header } from './header.js'

/** What is read where an argument of the type stands. */
const readings: Record<ArgType, (slot: string) => string> = {
  string: (slot) => `ARGV[${slot}]`,
  int: (slot) => `tonumber(ARGV[${slot}])`,
  bool: (slot) => `ARGV[${slot}] == '1'`,
  strings: (slot) => slot,
}

/** The names that a script may use, and must: those of its header. `calls` and `take` are there if it answers many calls. */
export function namesOf({ keyNames, argList, eachKey, eachArgs }: Header): string[] {
  const names = [
    ...keyNames.map((name) => `${name}_key`),
    ...argList.map(({ name, type }) => (type === 'strings' ? `${name}_first` : name)),
    ...(eachKey === undefined ? [] : [`${eachKey}_key`]),
    ...eachArgs.map(({ name }) => name),
    ...(eachArgs.length === 0 ? [] : ['calls', 'take']),
  ]
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw new HeaderError(`${twice} is declared twice`)
  return names
}

/**
 * The statements that give every key and argument its name. What each call brings gets its values from `take(call)`, call from 1 to `calls`; all
 * their keys together are a table (`retired_keys`).
 */
export function localsOf(header: Header): string[] {
  const { keyNames, argList, eachArgs } = header
  return [
    ...keyNames.map((name, index) => `local ${name}_key = KEYS[${index + 1}]`),
    ...argList.map(({ name, type }, index) => {
      return `local ${type === 'strings' ? `${name}_first` : name} = ${readings[type](String(index + 1))}`
    }),
    ...(eachArgs.length === 0 ? [] : takeEach(header)),
  ]
}

function takeEach({ keyNames, argList, eachKey, eachArgs }: Header): string[] {
  const fixed = argList.length + 1
  const names = [...(eachKey === undefined ? [] : [`${eachKey}_key`]), ...eachArgs.map(({ name }) => name)]
  return [
    // Many values in one argument: the client library's work and Redis's for each argument was more than that of reading the JSON.
    `local each_call = cjson.decode(ARGV[${fixed}])`,
    'local calls = #each_call',
    ...(eachKey === undefined ? [] : [`local ${eachKey}_keys = { unpack(KEYS, ${keyNames.length + 1}) }`]),
    `local ${names.join(', ')}`,
    'local function take(call)',
    ...(eachKey === undefined ? [] : [`  ${eachKey}_key = ${eachKey}_keys[call]`]),
    `  ${eachArgs.map(({ name }) => name).join(', ')} = unpack(each_call[call])`,
    'end',
  ]
}
