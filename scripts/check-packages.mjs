// npm run check:packages     what the registry would get: judged, packed, installed into an empty project, and used there.
// Needs the registry, for what the packages depend on.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { prepare } from './prepare.mjs'
import { publicPackages, root } from './public-packages.mjs'

const run = promisify(execFile)
const packages = publicPackages()
/** @type {string[]} */
const wrong = []

prepare()
await Promise.all(packages.map(judge))
const directory = await mkdtemp(join(tmpdir(), 'signalbox-packages-'))
try {
  if (wrong.length === 0) await use(await install())
} finally {
  await rm(directory, { recursive: true, force: true })
}
for (const line of wrong) console.error(line)
if (wrong.length === 0) console.log(`${packages.length} packages: judged, packed, installed and used.`)
else process.exitCode = 1

/** @param {ReturnType<typeof publicPackages>[number]} one */
async function judge({ directory: from, manifest }) {
  const { messages } = await publint({ pkgDir: from, strict: true })
  wrong.push(...messages.map((message) => `${manifest.name}: ${formatMessage(message, manifest) ?? message.code}`))
  if (manifest.license !== 'MIT') wrong.push(`${manifest.name}: has no licence`)
  if ((await textOf(join(from, 'LICENSE'))) !== (await textOf(join(root, 'LICENSE'))))
    wrong.push(`${manifest.name}: its LICENSE is not the repository's`)
  // What has no declarations has none that could be wrong.
  if (JSON.stringify(manifest.exports).includes('"types"')) await judgeTypes(from, manifest.name)
}

/** @param {string} from @param {string} name */
async function judgeTypes(from, name) {
  const attw = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js')
  try {
    await run(process.execPath, [attw, '--pack', from, '--profile', 'esm-only', '--no-color', '--no-emoji'])
  } catch (error) {
    wrong.push(`${name}: ${error instanceof Error && 'stdout' in error ? String(error.stdout) : String(error)}`)
  }
}

/** @param {string} path */
async function textOf(path) {
  return readFile(path, 'utf8').catch(() => null)
}

/** The packages as tarballs, in a project that has nothing else. */
async function install() {
  const tarballs = await Promise.all(
    packages.map(async ({ directory: from }) => {
      const { stdout } = await run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', directory], {
        cwd: from,
      })
      return `./${stdout.trim()}`
    }),
  )
  await writeFile(join(directory, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }))
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']
  await run('npm', ['install', ...flags, ...tarballs], { cwd: directory })
  return directory
}

/** @param {string} project */
async function use(project) {
  await writeFile(
    join(project, 'tested.ts'),
    `import { LeaseLostError, type Lease } from '@signalbox/client'
import { startSignalbox } from '@signalbox/testing'

const t = await startSignalbox()
const lease: Lease = await t.client.boundedSemaphore('reports', 1).acquire()
t.disconnect()
await t.advance(60_000)
console.log(lease.signal.reason instanceof LeaseLostError)
await t.close()
`,
  )
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const typeRoots = join(root, 'node_modules/@types')
  const options = [
    '--target',
    'es2022',
    '--module',
    'nodenext',
    '--strict',
    '--typeRoots',
    typeRoots,
    '--types',
    'node',
  ]
  await expectOutput(project, [compiler, ...options, 'tested.ts'], '')
  await expectOutput(project, ['tested.js'], 'true\n')
  await useService(project)
}

/** The service and the command line as a user starts them. @param {string} project */
async function useService(project) {
  const bin = (/** @type {string} */ name) => join(project, 'node_modules', '.bin', name)
  // A PATH without any Redis: the store is memory, wherever this runs.
  await cp(process.execPath, join(project, 'bin', 'node'), { recursive: true })
  const env = { PATH: join(project, 'bin'), PORT: '0', LOG_LEVEL: 'warn' }
  const service = spawn(bin('signalbox-service'), { cwd: project, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(service, 'exit')
  try {
    let url = ''
    for await (const line of createInterface(service.stdout)) {
      url = /^Signalbox listens on (\S+)$/.exec(line)?.[1] ?? url
      if (line.startsWith('Read:')) break
    }
    for (const path of ['/readyz', '/docs', '/quick-start', '/']) {
      const { status } = await fetch(`${url}${path}`, { headers: { accept: 'text/html' } })
      if (status !== 200) wrong.push(`@signalbox/semaphore-service: ${path} is ${status}`)
    }
    const command = ['run', 'reports', '--', process.execPath, '-p', '"held"']
    const { stdout } = await run(bin('signalbox'), command, { env: { ...process.env, SIGNALBOX_URL: url } })
    if (stdout !== 'held\n') wrong.push(`@signalbox/cli: run wrote ${JSON.stringify(stdout)}`)
  } finally {
    service.kill()
    await ended
  }
}

/** @param {string} project @param {string[]} program @param {string} expected */
async function expectOutput(project, program, expected) {
  try {
    const { stdout } = await run(process.execPath, program, { cwd: project })
    if (stdout !== expected) wrong.push(`${program.join(' ')} wrote ${JSON.stringify(stdout)}`)
  } catch (error) {
    const said = error instanceof Error && 'stdout' in error ? String(error.stdout) : ''
    wrong.push(`${program.join(' ')} failed: ${said}${String(error)}`)
  }
}
