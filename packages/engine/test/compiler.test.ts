import { createHash } from 'node:crypto'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { compileAll } from '../compiler/compile.js'
import { emit } from '../compiler/emit.js'

const header = `#!lua flags=allow-oom
-- touch-lease: an example.
-- USES twice
-- KEYS[1] leases     hash lease id -> lease
-- ARGV[1] lease_id   string     whose
-- ARGV[2] ttl_ms     int
-- ARGV[3] is_new     bool
-- RETURN  renewed    fence:int deadline_ms:int? why:string
-- RETURN  lease_not_held
`
const body = `-- why it is so
local ttl = twice(ttl_ms) -- 'quoted' in a comment
if is_new then
  return reply('lease_not_held')
end
return reply('renewed', ttl, '', redis.call('HGET', leases_key, lease_id) .. '-- no comment')
`
const libs = {
  reply: 'local function reply(tag, ...)\n  return { tag, 0, ... }\nend\n',
  twice: '-- USES reply\nlocal function twice(n)\n  return 2 * n\nend\n',
}

function compile(source: string, moreLibs: Readonly<Record<string, string>> = {}) {
  return compileAll({ commands: { 'touch-lease': source }, libs: { ...libs, ...moreLibs } })['touch-lease']
}

describe('the script compiler', () => {
  it('names every slot, puts libraries before what uses them, and leaves comments out', () => {
    const text = [
      '#!lua flags=allow-oom',
      '-- touch-lease',
      'local leases_key = KEYS[1]',
      'local lease_id = ARGV[1]',
      'local ttl_ms = tonumber(ARGV[2])',
      "local is_new = ARGV[3] == '1'",
      'local function reply(tag, ...)',
      '  return { tag, 0, ... }',
      'end',
      'local function twice(n)',
      '  return 2 * n',
      'end',
      'local ttl = twice(ttl_ms)',
      'if is_new then',
      "  return reply('lease_not_held')",
      'end',
      "return reply('renewed', ttl, '', redis.call('HGET', leases_key, lease_id) .. '-- no comment')",
      '',
    ].join('\n')
    expect(compile(header + body)).toEqual({
      name: 'touch-lease',
      keys: ['leases'],
      args: { leaseId: 'string', ttlMs: 'int', isNew: 'bool' },
      replies: { renewed: { fence: 'int', deadlineMs: 'int?', why: 'string' }, lease_not_held: {} },
      text,
      sha1: createHash('sha1').update(text).digest('hex'),
    })
  })

  it('inlines a library where a USES line stands, and none twice', () => {
    const late = body
      .replace('local ttl', '-- USES twice, reply, half\nlocal ttl')
      .replace('twice(ttl_ms)', 'half(ttl_ms)')
    const text = compile(header + "if is_new then\n  return reply('renewed', twice(1), '', '')\nend\n" + late, {
      half: '-- USES reply\nlocal function half(n)\n  return n / 2\nend\n',
    })?.text
    expect(text?.match(/^(local function \w+|if is_new|local ttl )/gm)).toEqual([
      'local function reply',
      'local function twice',
      'if is_new',
      'local function half',
      'local ttl ',
      'if is_new',
    ])
  })

  it('leaves out functions of a library that this script never calls, and what only they call', () => {
    const more = 'local function half(n)\n  return n / 2\nend\nlocal function quarter(n)\n  return half(half(n))\nend\n'
    expect(compile(header + body, { twice: more + libs.twice })?.text).toBe(compile(header + body)?.text)
  })

  it('gives the rest of the arguments as the index of the first', () => {
    const open = `#!lua
-- touch-lease: all that are open.
-- USES reply
-- ARGV[1] open_count int
-- ARGV[2] open       strings
-- RETURN  alive      names:strings
return reply('alive', ARGV[open_first + open_count - 1])
`
    expect(compile(open)?.text).toContain('local open_first = 2\n')
  })

  const many = `#!lua
-- touch-all: an example of many calls.
-- USES reply
-- KEYS[1] leases     hash
-- KEYS[each] retired string
-- ARGV[1] ttl_ms     int
-- ARGV[each] lease_id string
-- ARGV[each] is_new   bool
-- RETURN  touched    key:string
local answers = {}
for call = 1, calls do
  take(call)
  answers[call] = reply('touched', lease_id .. retired_key .. leases_key .. ttl_ms .. tostring(is_new))
end
return answers
`

  it('takes one call after the other from the rest of the keys and a list in JSON', () => {
    const compiled = compileAll({ commands: { 'touch-all': many }, libs })['touch-all']
    expect(compiled).toMatchObject({
      keys: ['leases'],
      args: { ttlMs: 'int' },
      each: { keys: ['retired'], args: { leaseId: 'string', isNew: 'bool' } },
    })
    expect(compiled?.text.split('\n').slice(2, 12)).toEqual([
      'local leases_key = KEYS[1]',
      'local ttl_ms = tonumber(ARGV[1])',
      'local each_call = cjson.decode(ARGV[2])',
      'local calls = #each_call',
      'local retired_keys = { unpack(KEYS, 2) }',
      'local retired_key, lease_id, is_new',
      'local function take(call)',
      '  retired_key = retired_keys[call]',
      '  lease_id, is_new = unpack(each_call[call])',
      'end',
    ])
    expect(emit(compileAll({ commands: { 'touch-all': many }, libs }))).toContain('touchAll: defineScriptOfMany({')
  })

  it.each([
    [
      'two keys for each call',
      many.replace('-- ARGV[1]', '-- KEYS[each] grown string\n-- ARGV[1]'),
      /KEYS\[each\] is one key/,
    ],
    ['a key for each call without arguments', many.replaceAll(/-- ARGV\[each\].*\n/g, ''), /beside ARGV\[each\]/],
    ['strings for each call', many.replace('is_new   bool', 'is_new   strings'), /strings must come last/],
    ['calls that are never taken', many.replace('  take(call)\n', ''), /declared but not used: take/],
    ['what each call brings, named twice', many.replace('is_new   bool', 'ttl_ms   int'), /ttl_ms is declared twice/],
  ])('refuses %s', (_, source, message) => {
    expect(() => compileAll({ commands: { 'touch-all': source }, libs })).toThrow(message)
  })

  it('writes a module whose template literals are the text', () => {
    const quoted = header + body.replace("'-- no comment'", "'`${ttl}` \\n'")
    const compiled = compileAll({ commands: { 'touch-lease': quoted }, libs })
    const module = emit(compiled)
    expect(module).toContain('touchLease: defineScript({')
    const literal = /text: (`[\s\S]*`),\n {2}\}\),\n\}/.exec(module)?.[1] ?? ''
    // read back as JavaScript reads it
    expect(runInNewContext(literal)).toBe(compiled['touch-lease']?.text)
  })
})

describe('a header that does not tell the truth is refused:', () => {
  const cases: readonly [what: string, source: string, message: RegExp][] = [
    ['no #!lua', header.slice(6) + body, /first line must be #!lua/],
    [
      'another name',
      header.replace('-- touch-lease:', '-- touch:') + body,
      /second line must begin with "-- touch-lease: "/,
    ],
    [
      'a key nobody uses',
      header.replace('-- ARGV[1]', '-- KEYS[2] queue  zset\n-- ARGV[1]') + body,
      /declared but not used: queue_key/,
    ],
    [
      'an argument nobody uses',
      header + body.replace('if is_new then', 'if true then'),
      /declared but not used: is_new/,
    ],
    [
      'a key that is not declared',
      header + body.replace('lease_id)', 'lease_id, queue_key)'),
      /not declared: queue_key/,
    ],
    [
      'a name that is not declared',
      header + body.replace('twice(ttl_ms)', 'twice(tll_ms) + ttl_ms'),
      /not declared: tll_ms/,
    ],
    ['a slot left out', header.replace('ARGV[2]', 'ARGV[4]') + body, /ARGV\[4\] where ARGV\[2\] was due/],
    ['a slot named twice', header.replace('ARGV[2] ttl_ms', 'ARGV[2] lease_id') + body, /lease_id is declared twice/],
    ['an unknown type', header.replace('int\n-- ARGV[3]', 'integer\n-- ARGV[3]') + body, /"integer" is no type/],
    ['an unknown field type', header.replace('fence:int', 'fence:number') + body, /"fence:number" is not name:type/],
    [
      'a tag nobody returns',
      header.replace('-- RETURN  lease', '-- RETURN  gone\n-- RETURN  lease') + body,
      /never replied: gone/,
    ],
    [
      'a tag that is not declared',
      header.replace('-- RETURN  lease_not_held\n', '') + body,
      /without a RETURN line: lease_not_held/,
    ],
    ['a raw key', header + body.replace('leases_key', 'KEYS[1]'), /reads KEYS/],
    ['a raw argument', header + body.replace('lease_id)', 'ARGV[1])'), /reads ARGV/],
    ['an unknown library', header.replace('USES twice', 'USES twice, thrice') + body, /there is no lib\/thrice.lua/],
    [
      'strings before another argument',
      header.replace('ms     int', 'ms     strings') + body,
      /strings must come last/,
    ],
    ['strings before another field', header.replace('fence:int ', 'fence:strings ') + body, /strings must come last/],
  ]
  it.each(cases)('%s', (_, source, message) => {
    expect(() => compile(source)).toThrow(message)
    expect(() => compile(source)).toThrow(/^touch-lease\.lua: /)
  })

  it('a library of which nothing is used', () => {
    const source = header.replace('USES twice', 'USES twice, idle') + body
    expect(() => compile(source, { idle: 'local function idle(ttl)\n  return ttl\nend\n' })).toThrow(
      /USES idle, but nothing/,
    )
  })

  it('libraries in a circle', () => {
    expect(() => compile(header + body, { reply: `-- USES twice\n${libs.reply}` })).toThrow(/twice -> reply -> twice/)
  })
})
