import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { SignalboxClient } from '@signalbox/client'
import { afterAll, beforeAll, expect, inject, onTestFinished, test, vi } from 'vitest'
import { startService } from '../../scripts/service.mjs'

// Programs of examples/ as they are, several processes of each, against the real service on a real Redis.

const run = promisify(execFile)
const path = (example: string): string => fileURLToPath(new URL(`../${example}`, import.meta.url))

let service: Awaited<ReturnType<typeof startService>>
let client: SignalboxClient

beforeAll(async () => {
  service = await startService({
    REDIS_URL: inject('redisUrl'),
    SIGNALBOX_KEY_PREFIX: `several-processes-${randomUUID()}:`,
  })
  client = new SignalboxClient({ url: service.url })
})
afterAll(async () => {
  await client.close()
  await service.stop()
})

const environment = (more: Record<string, string> = {}) => ({ ...process.env, SIGNALBOX_URL: service.url, ...more })

/** Somebody else's server, which notes how many it serves at once, and answers a request when the test lets it. */
interface Bystander {
  readonly url: string
  /** Requests that are not answered yet. */
  readonly open: (() => void)[]
  mostAtOnce: number
  served: number
}

async function listen(answer: (bystander: Bystander) => void): Promise<Bystander> {
  const server: Server = createServer((_request, response) => {
    bystander.open.push(() => response.end(JSON.stringify('done')))
    bystander.mostAtOnce = Math.max(bystander.mostAtOnce, bystander.open.length)
    answer(bystander)
  })
  const bystander: Bystander = { url: '', open: [], mostAtOnce: 0, served: 0 }
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('A TCP server has an address with a port.')
  return Object.assign(bystander, { url: `http://127.0.0.1:${address.port}` })
}

function answerOldest(bystander: Bystander): void {
  bystander.open.shift()?.()
  bystander.served += 1
}

test('a partner is called by four at once, however many processes call', async () => {
  const calls = 24
  let answers = false
  // Late enough that others could come in beside it.
  const partner = await listen((bystander) => {
    if (answers) setTimeout(() => answerOldest(bystander), 5)
  })
  const processes = [0, 1, 2].map(async (number) => {
    const paths = Array.from({ length: calls / 3 }, (_, index) => `/invoices/${number}-${index}`)
    const { stdout } = await run(process.execPath, [path('partner-api/call.mjs'), ...paths], {
      env: environment({ PARTNER_URL: partner.url }),
    })
    expect(stdout.trimEnd().split('\n')).toEqual(paths.map((one) => `${one}: "done"`))
  })
  const semaphore = client.boundedSemaphore('partner-api')
  await vi.waitFor(async () => {
    const { waiting } = await semaphore.inspect()
    expect(partner.open.length + waiting).toBe(calls)
  }, 30_000)
  expect(partner.open).toHaveLength(4)

  answers = true
  while (partner.open.length > 0) answerOldest(partner)
  await Promise.all(processes)
  expect([partner.served, partner.mostAtOnce]).toEqual([calls, 4])
  expect(await semaphore.inspect()).toMatchObject({ limit: 4, used: 0, waiting: 0 })
})

async function startServer(more: Record<string, string>): Promise<string> {
  const env = environment({ ...more, PORT: '0' })
  const child = spawn(process.execPath, [path('fastify-route/server.mjs')], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => ended(child))
  for await (const line of createInterface(child.stdout)) return line
  throw new Error('The server ended before it listened.')
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  // A stop would wait for what is open, and after a test that failed something may be.
  child.kill('SIGKILL')
  await exit
}

test('a route runs three times at once over all replicas of its server; who comes then is told 429 and when to come back', async () => {
  const warehouse = await listen(() => undefined)
  const where = { WAREHOUSE_URL: warehouse.url }
  const [one, other] = await Promise.all([startServer(where), startServer(where)])
  const running = [fetch(`${one}/reports/1`), fetch(`${other}/reports/2`), fetch(`${other}/reports/3`)]
  await vi.waitFor(() => expect(warehouse.open).toHaveLength(3), 30_000)

  for (const replica of [one, other]) {
    const refused = await fetch(`${replica}/reports/4`, { signal: AbortSignal.timeout(20_000) })
    expect([refused.status, refused.headers.get('retry-after'), await refused.json()]).toEqual([
      429,
      '2',
      { error: 'All readers are busy.' },
    ])
  }

  while (warehouse.open.length > 0) answerOldest(warehouse)
  const replies = await Promise.all(running)
  expect(replies.map(({ status }) => status)).toEqual([200, 200, 200])
  expect(await replies[0]?.json()).toEqual({ id: '1', rows: 'done' })

  const again = fetch(`${one}/reports/4`)
  await vi.waitFor(() => expect(warehouse.open).toHaveLength(1), 30_000)
  answerOldest(warehouse)
  expect((await again).status).toBe(200)
  expect(warehouse.mostAtOnce).toBe(3)
  expect((await client.boundedSemaphore('warehouse-readers').inspect()).used).toBe(0)
})

test('without Signalbox the route says 503, not that it is busy', async () => {
  // Nothing listens on port 1.
  const server = await startServer({ SIGNALBOX_URL: 'http://127.0.0.1:1' })
  const refused = await fetch(`${server}/reports/1`)
  expect([refused.status, await refused.json()]).toEqual([503, { error: 'Nobody counts the readers just now.' }])
})

test('of a Signalbox that hangs it says so, too, sooner than by the usual time-outs', async () => {
  const silent = await listen(() => undefined)
  const server = await startServer({ SIGNALBOX_URL: silent.url })
  // Two attempts of one second; they would be two of five.
  const refused = await fetch(`${server}/reports/1`, { signal: AbortSignal.timeout(9_000) })
  expect(refused.status).toBe(503)
})

test('a lease goes from a scheduler to a worker in another process, and no more than two jobs run at once', async () => {
  const names = ['backup', 'invoices', 'statistics', 'thumbnails']
  const { stdout } = await run(process.execPath, [path('handover/scheduler.mjs'), ...names], {
    env: environment({ WORK_MS: '300' }),
  })
  const lines = stdout.trimEnd().split('\n')
  let handedOver = 0
  let mostAtOnce = 0
  for (const line of lines) {
    if (/^scheduler: \w+ handed over$/.test(line)) handedOver += 1
    if (/^worker: \w+ is done$/.test(line)) handedOver -= 1
    mostAtOnce = Math.max(mostAtOnce, handedOver)
  }
  expect(lines).toHaveLength(names.length * 3 + 1)
  for (const name of names) {
    expect(lines).toEqual(expect.arrayContaining([`scheduler: ${name} handed over`, `worker: ${name} is done`]))
  }
  expect(mostAtOnce).toBeLessThanOrEqual(2)
  expect(handedOver).toBe(0)
  expect((await client.boundedSemaphore('nightly-jobs').inspect()).used).toBe(0)
})

test('a worker whose lease has run out on the way does not do the job', async () => {
  const working = run(process.execPath, [path('handover/worker.mjs')], { env: environment() })
  working.child.stdin?.end(JSON.stringify({ job: 'backup', leaseId: randomUUID() }))
  await expect(working).rejects.toMatchObject({ code: 1, stdout: 'worker: backup came too late\n' })
})
