import { Writable } from 'node:stream'
import { connect } from 'node:net'
import { createMemoryStore } from '@signalbox/engine'
import { describe, expect, test, vi } from 'vitest'
import { createLog } from '../src/log.js'
import { ask, everyRoute, openWorld, semaphore } from './every-route.js'
import { apiKey, leaseId, openService } from './open-service.js'

const admin = apiKey(['admin'])
const other = apiKey(['acquire', 'inspect'])
const apiKeys = [admin, other].flatMap(({ stored }) => stored)
const operators = everyRoute.filter(({ scope }) => scope === 'admin')

function logTo(lines: string[], level = 'silent') {
  const write = (chunk: unknown, _encoding: string, done: () => void) => {
    lines.push(String(chunk))
    done()
  }
  return createLog(level, new Writable({ write }))
}

async function audited(level?: string) {
  const lines: string[] = []
  const service = await openWorld({ settings: { apiKeys }, logger: logTo(lines, level) })
  return { service, lines, last: () => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown> }
}

describe.each(operators)('$method $path', (route) => {
  test('leaves one line that says who did what to which semaphore, whatever the level', async () => {
    const { service, lines, last } = await audited()
    await ask(service, route, { ...admin.headers, 'x-request-id': 'r-1' })
    expect(lines).toHaveLength(1)
    expect(last()).toMatchObject({
      level: 'info',
      msg: 'audit',
      key: 'test',
      semaphore,
      status: route.status,
      code: null,
      requestId: 'r-1',
      remoteAddress: '127.0.0.1',
    })
  })

  test.each([
    ['without a key', {}, null, 401, 'UNAUTHENTICATED'],
    ['with a key of another scope', other.headers, 'test', 403, 'FORBIDDEN'],
  ])('leaves one when it is tried %s', async (_what, headers, key, status, code) => {
    const { service, lines, last } = await audited()
    await ask(service, route, headers)
    expect(lines).toHaveLength(1)
    expect(last()).toMatchObject({ msg: 'audit', key, semaphore, status, code })
  })

  test('leaves one when its body or query is wrong', async () => {
    const { service, lines, last } = await audited()
    const url = route.path.replace('{name}', semaphore).replace('{fence}', '1')
    await service.call(route.method, `${url}?nothing=1`, { nothing: 1 }, admin.headers)
    expect(lines).toHaveLength(1)
    expect(last()).toMatchObject({ msg: 'audit', key: 'test', status: 400, code: 'INVALID_REQUEST' })
  })

  test('never has a key or a lease id in it, wherever those were put', async () => {
    const { service, lines } = await audited('trace')
    const { leaseId: held } = service.held
    for (const name of [held, admin.key, semaphore]) {
      for (const fence of [held, '1']) {
        const url = route.path.replace('{name}', name).replace('{fence}', fence)
        const headers = { ...admin.headers, 'x-request-id': admin.key }
        await service.call(route.method, url, { leaseId: held, requestId: held }, headers)
      }
    }
    expect(lines.join('')).not.toContain(held)
    expect(lines.join('')).not.toContain(admin.key)
    expect(lines.join('')).not.toContain(admin.stored[0]?.digest.toString('hex'))
  })
})

describe('the line has what was found and changed:', () => {
  const path = `/v1/semaphores/${semaphore}`

  test('the limit before and after', async () => {
    const { service, last } = await audited()
    await service.call('PUT', path, { limit: 9 }, admin.headers)
    expect(last()).toMatchObject({ audit: 'configure', limitBefore: 3, limit: 9, bounded: false, status: 200 })
    await service.call('PUT', '/v1/semaphores/new', { limit: 2 }, admin.headers)
    expect(last()).toMatchObject({ audit: 'configure', limitBefore: null, limit: 2, bounded: true, status: 201 })
  })

  test('the permits added, and the limit that came of it', async () => {
    const { service, last } = await audited()
    await service.call('POST', `${path}/add-permits`, { permits: 2, requestId: leaseId() }, admin.headers)
    expect(last()).toMatchObject({ audit: 'addPermits', permits: 2, limit: 5 })
  })

  test('the fence of the lease that was taken back, and its permits', async () => {
    const { service, last } = await audited()
    const { fence } = service.held
    await service.call('DELETE', `${path}/leases/${fence}`, undefined, admin.headers)
    expect(last()).toMatchObject({ audit: 'revoke', semaphore, fence, permits: 1, status: 200 })
    await service.call('DELETE', `${path}/leases/${fence}`, undefined, admin.headers)
    expect(last()).toMatchObject({ audit: 'revoke', semaphore, fence, status: 410, code: 'LEASE_NOT_HELD' })
  })

  test('whether a removal was forced, and what it found in use', async () => {
    const { service, last } = await audited()
    await service.call('DELETE', path, undefined, admin.headers)
    expect(last()).toMatchObject({ audit: 'remove', force: false, used: 1, status: 409, code: 'SEMAPHORE_IN_USE' })
    await service.call('DELETE', `${path}?force=true`, undefined, admin.headers)
    expect(last()).toMatchObject({ audit: 'remove', force: true, status: 204 })
  })
})

test('a caller who hangs up before the answer leaves a line all the same', async () => {
  const lines: string[] = []
  const memory = createMemoryStore()
  let hold = () => {}
  const held = new Promise<void>((resolve) => (hold = resolve))
  let isAsked = false
  const store: typeof memory = {
    ...memory,
    configure: async (call) => {
      isAsked = true
      await held
      return memory.configure(call)
    },
  }
  const service = openService({ store, settings: { apiKeys }, logger: logTo(lines) })
  const socket = connect(await service.listen(), '127.0.0.1')
  const head = `PUT /v1/semaphores/a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${admin.key}\r\n`
  socket.write(`${head}Content-Type: application/json\r\nContent-Length: 11\r\n\r\n{"limit":3}`)
  await vi.waitFor(() => expect(isAsked).toBe(true))
  const open = () => new Promise<number>((resolve) => service.app.server.getConnections((_error, n) => resolve(n)))
  socket.destroy()
  await vi.waitFor(async () => expect(await open()).toBe(0))
  hold()
  await vi.waitFor(() => expect(lines).toHaveLength(1))
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ audit: 'configure', semaphore: 'a', limit: 3, status: 201 })
})

test('without keys the line says that nobody is known', async () => {
  const lines: string[] = []
  const service = openService({ logger: logTo(lines) })
  await service.call('PUT', '/v1/semaphores/a', { limit: 1 })
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ audit: 'configure', key: null, status: 201 })
})

test('what is no operator’s action leaves none', async () => {
  const { service, lines } = await audited('info')
  for (const route of everyRoute) if (route.scope !== 'admin') await ask(service, route, other.headers)
  expect(lines).toEqual([])
})
