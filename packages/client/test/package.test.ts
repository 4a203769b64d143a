import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createServer } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { makeAuthority } from '../../../services/semaphore/test/certificates.js'
import { startService } from './service.js'

// What users get: the packed package, installed alone into an empty project.

// The compiler checks the web's whole type library here, on what may be a busy machine.
vi.setConfig({ testTimeout: 120_000 })

const run = promisify(execFile)
const require = createRequire(import.meta.url)
const repository = fileURLToPath(new URL('../../..', import.meta.url))
const source = fileURLToPath(new URL('..', import.meta.url))
const tsc = require.resolve('typescript/bin/tsc')

let directory: string
let project: string

/** Packs what a build of these sources makes, whatever state the checkout's own dist is in, and installs it. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signalbox-client-'))
  const built = join(directory, 'packages', 'client')
  project = join(directory, 'project')
  await Promise.all([mkdir(built, { recursive: true }), mkdir(project)])
  await cp(join(repository, 'tsconfig.base.json'), join(directory, 'tsconfig.base.json'))
  for (const part of ['package.json', 'README.md', 'LICENSE', 'tsconfig.json', 'src'])
    await cp(join(source, part), join(built, part), { recursive: true })
  await run(process.execPath, [tsc, '-p', built])
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', directory], { cwd: built })
  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }))
  const tarball = join(directory, stdout.trim())
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', '--silent', tarball], { cwd: project })
}, 120_000)

afterAll(() => rm(directory, { recursive: true, force: true }))

async function write(name: string, text: string): Promise<string> {
  const path = join(project, name)
  await writeFile(path, text)
  return path
}

/** Runs a program in the project; rejects when it fails. */
async function program(
  name: string,
  text: string,
  url = 'http://127.0.0.1:1',
  variables: Record<string, string> = {},
): Promise<{ stdout: string; stderr: string }> {
  const path = await write(name, text)
  const env = { ...process.env, SIGNALBOX_URL: url, NODE_OPTIONS: '', ...variables }
  return await run(process.execPath, ['--unhandled-rejections=strict', path], { cwd: project, env, timeout: 60_000 })
}

const usage = `
import { AcquireTimeoutError, BoundedSemaphore, LeaseLostError, Semaphore, SignalboxClient, SignalboxError, ValueError } from '@signalbox/client'
import type { AcquireOptions, ClientOptions, ErrorCode, Fetch, Lease, SemaphoreState, SignalboxEvent } from '@signalbox/client'

export async function work(signal: AbortSignal): Promise<void> {
  const reports = new Semaphore('reports', 2)
  const bounded = new BoundedSemaphore('reports-b', 2, { onConflict: 'error', ttlMs: 10_000 })
  const length: number = await reports.run(async (lease) => String(lease.fence).length)
  const name: string = await reports.run({ waitMs: 5_000, permits: 2, signal }, (lease: Lease) => lease.semaphore)
  await reports.acquire()
  await reports.release()
  const options: AcquireOptions = { permits: 2, waitMs: 5_000 }
  await using lease = await bounded.acquire(options)
  lease.signal.addEventListener('abort', () => undefined)
  const maybe: Lease | null = await bounded.tryAcquire()
  maybe?.detach()
  const state: SemaphoreState = await reports.resize(5)
  const locked: boolean = await reports.locked()
  const fetcher: Fetch = fetch
  const clientOptions: ClientOptions = { fetch: globalThis.fetch, fetchOptions: { dispatcher: {} }, logger: console }
  await using client = new SignalboxClient({ ...clientOptions, onEvent: (event: SignalboxEvent) => event.kind === 'retry' && event.delayMs })
  for await (const { limit, name } of client.semaphores({ prefix: 'billing:' })) console.log(limit, name)
  client.semaphore('reports', 2)
  client.boundedSemaphore('reports-b', undefined, { maxHoldMs: 60_000 })
  try {
    await reports.acquire({ waitMs: 1 })
  } catch (error) {
    if (error instanceof AcquireTimeoutError || error instanceof LeaseLostError) console.log(error.status)
    else if (error instanceof ValueError) { const range: RangeError = error; console.log(range.message) }
    else if (error instanceof SignalboxError) { const code: ErrorCode = error.code; console.log(code, error.requestId) }
    else throw error
  }
  console.log(length, name, state.available, locked, fetcher)
  // @ts-expect-error the callback comes last
  await reports.run(() => 1, { waitMs: 1 })
  // @ts-expect-error no such option
  await reports.tryAcquire({ waitMs: 1 })
}
`

async function typeCheck(file: string, options: Record<string, unknown>): Promise<void> {
  const compilerOptions = { target: 'es2022', module: 'nodenext', strict: true, noEmit: true, ...options }
  await write('tsconfig.json', JSON.stringify({ compilerOptions, files: [file] }))
  try {
    await run(process.execPath, [tsc, '-p', project])
  } catch (error) {
    throw new Error(`${file} does not type-check:\n${(error as { stdout: string }).stdout}`, { cause: error })
  }
}

describe('the packed package', () => {
  it('has no dependency, and only what it needs', async () => {
    const installed = join(project, 'node_modules', '@signalbox', 'client')
    const manifest = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as Record<string, unknown>
    expect(manifest).toMatchObject({ type: 'module', sideEffects: false })
    expect(manifest['dependencies'] ?? {}).toEqual({})
    expect((await readdir(installed)).sort()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json', 'src'])
    expect(await readdir(join(project, 'node_modules'))).toEqual(['.package-lock.json', '@signalbox'])
    const dist = await readdir(join(installed, 'dist'))
    expect(dist.filter((name) => !/\.(js|d\.ts|js\.map|d\.ts\.map)$/.test(name))).toEqual([])
    for (const name of dist.filter((file) => /\.(js|d\.ts)$/.test(file))) {
      const text = await readFile(join(installed, 'dist', name), 'utf8')
      const imports = [...text.matchAll(/(?:from|import\()\s*['"]([^'"]+)['"]/g)].map(([, specifier]) => specifier)
      expect(
        imports.filter((specifier) => specifier?.startsWith('./') !== true),
        name,
      ).toEqual([])
    }
  })

  it('passes publint', async () => {
    const { publint } = await import('publint')
    const { messages } = await publint({ pkgDir: join(directory, 'packages', 'client'), strict: true })
    expect(messages).toEqual([])
  })

  it('type-checks in a project without any types but the web’s, libraries included', async () => {
    await write('usage.ts', usage)
    // Without esnext.disposable: the declarations bring it.
    await typeCheck('usage.ts', { lib: ['es2022', 'dom'], types: [], skipLibCheck: false })
    await typeCheck('usage.ts', {
      lib: ['es2022', 'esnext.disposable', 'dom'],
      types: [],
      skipLibCheck: false,
      module: 'esnext',
      moduleResolution: 'bundler',
      exactOptionalPropertyTypes: true,
    })
  })

  it('type-checks in a Node project, as ESM and as CommonJS', async () => {
    const node = {
      lib: ['es2023', 'esnext.disposable'],
      types: ['node'],
      typeRoots: [join(dirname(require.resolve('@types/node/package.json')), '..')],
      skipLibCheck: true,
    }
    await write('usage.mts', usage)
    await write('usage.cts', usage)
    await typeCheck('usage.mts', node)
    await typeCheck('usage.cts', node)
  })

  it('can be imported and required', async () => {
    const names = 'Semaphore, BoundedSemaphore, SignalboxClient, SignalboxError'
    const imported = await program(
      'imports.mjs',
      `import { ${names} } from '@signalbox/client'; console.log(new Semaphore('x').name)`,
    )
    expect(imported).toEqual({ stdout: 'x\n', stderr: '' })
    const required = await program(
      'requires.cjs',
      `const { ${names} } = require('@signalbox/client'); console.log(new Semaphore('x').name)`,
    )
    expect(required.stdout).toBe('x\n')
  })
})

describe('a program that uses it', () => {
  it('ends by itself while it holds a lease: nothing keeps it alive', async () => {
    const service = await startService()
    const { stdout, stderr } = await program(
      'holds.mjs',
      `import { Semaphore } from '@signalbox/client'
       const lease = await new Semaphore('reports', 1).acquire({ ttlMs: 60_000 })
       for (let i = 0; i < 50; i++) lease.signal.addEventListener('abort', () => undefined)
       console.log('held')`,
      service.url,
    )
    expect({ stdout, stderr }).toEqual({ stdout: 'held\n', stderr: '' })
    expect(await service.state('reports')).toMatchObject({ used: 1 })
  })

  it('reaches a service by TLS, if it knows who vouches for it', async () => {
    const service = await startService()
    const authority = makeAuthority(onTestFinished)
    const { key, cert } = authority.issue('service')
    const tls = createServer({ key, cert }, (socket) => {
      const onward = connect(service.port, '127.0.0.1')
      socket.pipe(onward).pipe(socket)
      for (const end of [socket, onward]) end.on('error', () => undefined)
    }).listen(0, '127.0.0.1')
    await once(tls, 'listening')
    onTestFinished(() => void tls.close())
    const address = tls.address()
    if (address === null || typeof address === 'string') throw new Error('The proxy has no port')
    const text = `import { SignalboxClient } from '@signalbox/client'
      const semaphore = new SignalboxClient({ retryForMs: 0 }).semaphore('reports', 1)
      console.log(await semaphore.run(() => 'held').catch((error) => error.message))`
    const url = `https://127.0.0.1:${address.port}`
    const known = await program('tls.mjs', text, url, { NODE_EXTRA_CA_CERTS: authority.certFile })
    expect(known.stdout).toBe('held\n')
    expect((await program('tls.mjs', text, url)).stdout).toMatch(/unable to verify the first certificate/)
  })

  it('does not end in the middle of a call, though all that is left of it is a pause', async () => {
    const { stdout } = await program(
      'waits.mjs',
      `import { SignalboxClient, UnavailableError } from '@signalbox/client'
       const client = new SignalboxClient({ retryForMs: 700 })
       try {
         await client.semaphore('reports').acquire()
       } catch (error) {
         console.log(error instanceof UnavailableError, error.code)
       }`,
    )
    expect(stdout).toBe('true UNREACHABLE\n')
  })

  it('without a service, aborted, lost or closed, never has an unhandled rejection or a warning', async () => {
    const service = await startService()
    const { stdout, stderr } = await program(
      'careless.mjs',
      `import { SignalboxClient } from '@signalbox/client'
       const alive = setInterval(() => undefined, 1_000)
       const cut = () => { throw new TypeError('fetch failed') }
       let broken = false
       const client = new SignalboxClient({ retryForMs: 200, fetch: (url, request) => broken ? cut() : fetch(url, request) })
       const semaphore = client.semaphore('reports', 20)
       const abort = new AbortController()
       const leases = []
       for (let i = 0; i < 20; i++) leases.push(await semaphore.acquire({ ttlMs: 300, signal: abort.signal }))
       for (let i = 0; i < 20; i++) semaphore.acquire({ signal: abort.signal }).catch(() => undefined)
       await new Promise((resolve) => setTimeout(resolve, 50))
       broken = true
       abort.abort()
       await Promise.all(leases.map(({ signal }) => signal.aborted || new Promise((resolve) => signal.addEventListener('abort', resolve))))
       await Promise.all(leases.map((lease) => lease[Symbol.asyncDispose]()))
       await client.close({ timeoutMs: 200 })
       clearInterval(alive)
       console.log('done')`,
      service.url,
    )
    expect({ stdout, stderr }).toEqual({ stdout: 'done\n', stderr: '' })
  })
})
