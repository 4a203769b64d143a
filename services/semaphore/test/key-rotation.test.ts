import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { apiKey } from './open-service.js'
import { run, temporaryDirectory, timeout } from './run-service.js'

const [first, second] = [apiKey(['acquire', 'inspect', 'admin']), apiKey(['acquire', 'inspect', 'admin'])]

async function serving(env: Record<string, string> = {}) {
  const file = join(temporaryDirectory(), 'keys')
  writeFileSync(file, `${first.line}\n`)
  const { url, output } = run({ SIGNALBOX_API_KEYS_FILE: file, ...env })
  const at = await url()
  const statusFor = async (headers: Record<string, string>) => (await fetch(`${at}/v1/semaphores`, { headers })).status
  return {
    file,
    output,
    at,
    statusFor,
    is: (headers: Record<string, string>, status: number) =>
      vi.waitFor(async () => expect(await statusFor(headers)).toBe(status), { timeout, interval: 20 }),
  }
}

test('a key that is added to the file opens the service, one that is removed no more, without a restart', async () => {
  const { file, is, statusFor, output } = await serving()
  expect(await statusFor(second.headers)).toBe(401)
  writeFileSync(file, `${first.line}\n${second.line}\n`)
  await is(second.headers, 200)
  expect(await statusFor(first.headers)).toBe(200)
  writeFileSync(`${file}.new`, `${second.line}\n`)
  renameSync(`${file}.new`, file)
  await is(first.headers, 401)
  expect(await statusFor(second.headers)).toBe(200)
  expect(output()).not.toContain(first.stored[0]?.digest.toString('hex'))
})

test('a file that Kubernetes swaps by a symbolic link above it is read again', async () => {
  const mount = temporaryDirectory()
  const version = (name: string, line: string) => {
    mkdirSync(join(mount, name))
    writeFileSync(join(mount, name, 'keys'), line)
    symlinkSync(name, join(mount, '..data_tmp'))
    renameSync(join(mount, '..data_tmp'), join(mount, '..data'))
  }
  version('..1', first.line)
  symlinkSync(join('..data', 'keys'), join(mount, 'keys'))
  const { is } = await serving({ SIGNALBOX_API_KEYS_FILE: join(mount, 'keys') })
  await is(first.headers, 200)
  version('..2', second.line)
  await is(second.headers, 200)
  await is(first.headers, 401)
})

test('keys of the variable stay, whatever becomes of the file', async () => {
  const { file, is, statusFor } = await serving({ SIGNALBOX_API_KEYS: second.line })
  writeFileSync(file, apiKey(['inspect']).line)
  await is(first.headers, 401)
  expect(await statusFor(second.headers)).toBe(200)
})

function turnIntoDirectory(file: string) {
  rmSync(file)
  mkdirSync(file)
}

describe('the keys stay as they were, with a warning, when the file', () => {
  test.each([
    [
      'has a broken line',
      (file: string) => writeFileSync(file, `# ours\n${second.line}\n${second.key} x\n`),
      /line 3: must begin with sha256:/,
    ],
    ['is empty', (file: string) => writeFileSync(file, ''), /holds no key/],
    ['has comments alone', (file: string) => writeFileSync(file, `# ${first.line}\n`), /holds no key/],
    ['is gone', (file: string) => rmSync(file), /cannot be read/],
    ['is a directory', turnIntoDirectory, /cannot be read/],
  ])('%s', async (_what, spoil, warning) => {
    const { file, output, is, statusFor } = await serving()
    spoil(file)
    await vi.waitFor(() => expect(output()).toMatch(warning), { timeout, interval: 20 })
    expect(output()).toMatch(/"level":"warn".*SIGNALBOX_API_KEYS_FILE .*: the keys stay as they were/)
    expect(output()).not.toContain(second.key)
    expect(output()).not.toContain(second.line.slice('sha256:'.length, 30))
    expect(await statusFor(first.headers)).toBe(200)
    expect(await statusFor(second.headers)).toBe(401)
    expect(await statusFor({})).toBe(401)
    rmSync(file, { recursive: true, force: true })
    writeFileSync(file, second.line)
    await is(second.headers, 200)
    await is(first.headers, 401)
  })
})

test('a wait that is open does not end with its key: it runs to its end, and may not be asked for again', async () => {
  const { file, at, is } = await serving()
  const call = (path: string, body: object, { headers } = first) =>
    fetch(`${at}/v1/semaphores/a/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  const held = (await (await call('acquire', { create: { limit: 1 } })).json()) as { leaseId: string }
  const waiting = call('acquire', { waitMs: 20_000 })
  const seen = () => fetch(`${at}/v1/semaphores/a`, { headers: first.headers }).then((response) => response.json())
  await vi.waitFor(async () => expect(await seen()).toMatchObject({ waiting: 1 }), { timeout })
  writeFileSync(file, second.line)
  await is(first.headers, 401)
  expect((await call('release', { leaseId: held.leaseId }, second)).status).toBe(200)
  const granted = await waiting
  expect(granted.status).toBe(200)
  const { leaseId } = (await granted.json()) as { leaseId: string }
  expect((await call('renew', { leaseId, ttlMs: 1_000 })).status).toBe(401)
})
