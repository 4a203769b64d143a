import { StoreUnavailableError } from '@signalbox/engine'
import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { guardReport } from '../src/guard-report.js'
import { createLog } from '../src/log.js'
import { apiKey, leaseId, openService, type ProblemBody } from './open-service.js'

function collected() {
  const lines: string[] = []
  const destination = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  return { lines, destination }
}

test('a request that succeeds or is refused is not logged at the default level', async () => {
  const { lines, destination } = collected()
  const { acquire, call } = openService({ logger: createLog('info', destination) })
  await acquire('a', { create: { limit: 1 } })
  await acquire('a')
  await call('GET', '/nowhere')
  expect(lines).toEqual([])
})

test('at debug every request is, by route and without ids or keys', async () => {
  const { lines, destination } = collected()
  const { headers, stored, key } = apiKey(['acquire'])
  const { call } = openService({ logger: createLog('debug', destination), settings: { apiKeys: stored } })
  const id = leaseId()
  const body = { leaseId: id, create: { limit: 1 } }
  await call('POST', '/v1/semaphores/a/acquire', body, { ...headers, 'x-request-id': 'r-1' })
  await call('POST', '/v1/semaphores/a/release', { leaseId: id }, headers)
  const text = lines.join('')
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 'debug',
    requestId: 'r-1',
    route: '/v1/semaphores/{name}/acquire',
    status: 200,
  })
  expect(text).not.toContain(id)
  expect(text).not.toContain(key)
})

test('a bug is logged with its cause under the request id, and without what is secret in it', async () => {
  const { lines, destination } = collected()
  const id = leaseId()
  const cause = Object.assign(new Error(`ERR at redis://user:hunter2@host, ARGV ${id}`), {
    command: { name: 'evalsha', args: [id, 'hunter2'] },
  })
  const clock = () => {
    throw new Error('what the clock did', { cause })
  }
  const { acquire } = openService({ clock, logger: createLog('info', destination) })
  const problem = (await acquire('a', { create: { limit: 1 } })).json<ProblemBody>()
  const line = lines.join('')
  expect(lines).toHaveLength(1)
  expect(JSON.parse(line)).toMatchObject({
    level: 'error',
    requestId: problem.requestId,
    err: { message: 'what the clock did' },
  })
  expect(line).toContain('ERR at redis://host')
  expect(line).not.toContain(id)
  expect(line).not.toContain('hunter2')
})

test('a store that is down is no bug, and no line for each caller', async () => {
  const { lines, destination } = collected()
  const clock = () => {
    throw new StoreUnavailableError('down')
  }
  const { acquire } = openService({ clock, logger: createLog('info', destination) })
  await acquire('a', { create: { limit: 1 } })
  expect(lines).toEqual([])
})

test('a loss of data is a warning, and so is its end', () => {
  const { lines, destination } = collected()
  let losses = 0
  const report = guardReport(createLog('info', destination), { storeLost: () => (losses += 1) })
  report({ kind: 'lost', found: 'no marker', guardMs: 30_000 })
  report({ kind: 'guarded', guardMs: 20_000 })
  report({ kind: 'over' })
  expect(lines.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(['warn', 'warn', 'warn'])
  expect(lines[0]).toContain('no marker where this replica had seen one): nothing is granted for 30000 ms')
  expect(lines[1]).toContain('20000 ms')
  // Found by this replica alone the first time.
  expect(losses).toBe(1)
})
