import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ConfigError } from '../src/config-error.js'
import { readConfig } from '../src/config.js'
import { variableTable } from '../src/variables.js'
import { apiKey } from './open-service.js'

function refusal(env: Record<string, string>): string {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error('it was accepted')
}

function file(content: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'signalbox-config-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'keys')
  writeFileSync(path, content)
  return path
}

test('without any variable there is a default for everything', () => {
  expect(readConfig({})).toMatchObject({
    host: '127.0.0.1',
    port: 7_600,
    logLevel: 'info',
    redisUrl: null,
    warnings: [],
  })
})

test('an empty variable is one that is not set', () => {
  const empty = Object.fromEntries(variableTable().map(({ name }) => [name, '']))
  expect(readConfig(empty)).toEqual(readConfig({}))
})

describe('a bad value is refused by its name, what it was and what it may be', () => {
  test.each([
    ['PORT', '65536', 'PORT is "65536"; it may be a whole number from 0 to 65535.'],
    ['PORT', '80x', 'PORT is "80x"; it may be a whole number from 0 to 65535.'],
    ['PORT', '1e3', 'PORT is "1e3"; it may be a whole number from 0 to 65535.'],
    [
      'LOG_LEVEL',
      'verbose',
      'LOG_LEVEL is "verbose"; it may be one of fatal, error, warn, info, debug, trace, silent.',
    ],
    ['HOST', 'a b', 'HOST is "a b"; it may be an IP address or a host name.'],
    ['SIGNALBOX_INSECURE', 'yes', 'SIGNALBOX_INSECURE is "yes"; it may be true or false.'],
    ['SIGNALBOX_KEY_PREFIX', '{x}', 'SIGNALBOX_KEY_PREFIX is "{x}"; it may be 1 to 64 of letters, digits and . _ : -.'],
    ['SIGNALBOX_CAP_MS', '0', 'SIGNALBOX_CAP_MS is "0"; it may be a whole number from 1 to 25000.'],
    [
      'SIGNALBOX_API_KEYS_FILE',
      '/nowhere',
      'SIGNALBOX_API_KEYS_FILE is "/nowhere"; it may be the path of a readable file.',
    ],
  ])('%s=%s', (name, value, sentence) => {
    expect(refusal({ [name]: value })).toBe(sentence)
  })

  test('all at once', () => {
    expect(refusal({ PORT: 'a', LOG_LEVEL: 'b' }).split('\n')).toHaveLength(2)
  })

  test.each(['redis://user:hunter2@', 'http://hunter2@host', 'hunter2', 'redis:hunter2'])(
    'but a secret, %s, is not repeated',
    (url) => {
      const sentence = refusal({ REDIS_URL: url })
      expect(sentence).toMatch(/^REDIS_URL is not valid .*; it may be redis:\/\//)
      expect(sentence).not.toContain('hunter2')
    },
  )

  test('nor is one in a URL of a form that is nearly right, and the sentence says what is not', () => {
    const sentence = refusal({ REDIS_URL: 'redis-sentinel://:hunter2@10.0.0.1:26379' })
    expect(sentence).toMatch(/^REDIS_URL is not valid .*; it may be .* The name of the primary is missing/)
    expect(sentence).not.toContain('hunter2')
  })

  test.each(['redis-sentinel://:p@a:26379,b/orders/1', 'rediss-cluster://a,b:7000'])('%s is one', (REDIS_URL) => {
    expect(readConfig({ REDIS_URL }).redisUrl).toBe(REDIS_URL)
  })

  test('nor is a key that was stored in place of its line', () => {
    const { key } = apiKey(['acquire'])
    const sentence = refusal({ SIGNALBOX_API_KEYS: key })
    expect(sentence).toMatch(/^SIGNALBOX_API_KEYS, line 1: must begin with sha256:/)
    expect(sentence).not.toContain(key.slice(0, 12))
  })

  // What the SDK sends when nobody says anything would be refused, or its place in the queue be lost.
  test.each([
    ['SIGNALBOX_CAP_MS', 25_000, 26_000],
    ['SIGNALBOX_WAIT_MS_MAX', 26_000, 25_999],
    ['SIGNALBOX_TTL_MS_MAX', 30_000, 29_999],
    ['SIGNALBOX_HOLDER_LENGTH_MAX', 256, 255],
  ])('%s may be %d and not %d: the SDK would not work', (name, most, tooFar) => {
    expect(readConfig({ [name]: String(most) }).warnings).toEqual([])
    expect(refusal({ [name]: String(tooFar) })).toContain(`${name} is "${tooFar}"; it may be a whole number from`)
  })

  test('an idle time in which a heartbeat may be late', () => {
    const sentence = refusal({ SIGNALBOX_IDLE_MS: '5999' })
    expect(sentence).toMatch(/^SIGNALBOX_IDLE_MS is 5999; it may be no less than twice SIGNALBOX_HEARTBEAT_MS \(3000\)/)
    expect(readConfig({ SIGNALBOX_IDLE_MS: '6000' }).store.idleMs).toBe(6_000)
  })

  test('heartbeats that come too late for the grace', () => {
    expect(refusal({ SIGNALBOX_GRACE_MS: '5000' })).toMatch(/^SIGNALBOX_HEARTBEAT_MS is 3000; it may be at most half/)
  })
})

describe('listening beyond loopback', () => {
  test.each(['0.0.0.0', '::', '10.0.0.7', 'box.example.org', '1270.0.0.1'])(
    'on %s needs keys, or the wish to have none',
    (HOST) => {
      expect(refusal({ HOST })).toMatch(/no API keys.*SIGNALBOX_INSECURE=true/s)
      expect(readConfig({ HOST, SIGNALBOX_INSECURE: 'true' }).host).toBe(HOST)
      expect(readConfig({ HOST, SIGNALBOX_API_KEYS: apiKey(['acquire']).line }).app.apiKeys).toHaveLength(1)
    },
  )

  test.each(['127.0.0.1', '127.9.9.9', '::1', 'localhost'])('on %s needs none', (HOST) => {
    expect(readConfig({ HOST }).app.insecure).toBe(false)
  })
})

describe('keys', () => {
  test('come from the variable and from the file', () => {
    const [first, second] = [apiKey(['acquire']).line, apiKey(['admin'], 'a:').line]
    const config = readConfig({ SIGNALBOX_API_KEYS: first, SIGNALBOX_API_KEYS_FILE: file(`# ours\n${second}\n`) })
    expect(config.app.apiKeys.map(({ prefix }) => prefix)).toEqual(['', 'a:'])
  })

  test('that are missing from the file stop the start: an unmounted secret must not open the service', () => {
    expect(refusal({ SIGNALBOX_API_KEYS_FILE: file('# none yet\n') })).toMatch(/holds no key/)
  })
})

test('an unknown SIGNALBOX_ variable is warned of, those of the SDK are not', () => {
  const env = {
    SIGNALBOX_CAPMS: '1',
    SIGNALBOX_URL: 'x',
    SIGNALBOX_API_KEY: 'x',
    SIGNALBOX_HOLDER: 'x',
    SIGNALBOX_LOG: 'debug',
  }
  expect(readConfig(env).warnings).toEqual(['There is no variable "SIGNALBOX_CAPMS": it has no effect.'])
})

test('docs/operations.md has every variable, with its default and meaning', () => {
  const rows = variableTable().map(
    ({ name, defaultText, description, may }) => `| \`${name}\` | ${defaultText} | ${description} | ${may} |`,
  )
  const docs = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8')
  const there = docs.split('\n').filter((line) => /^\| `(?:[A-Z]+_)*[A-Z]+` \|/.test(line))
  expect(there).toEqual(rows)
})
