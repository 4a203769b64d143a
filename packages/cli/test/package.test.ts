import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { serveAll } from './service.js'

// What users get: the packed package, installed into an empty project with what it depends on.

vi.setConfig({ testTimeout: 120_000 })

const run = promisify(execFile)
const require = createRequire(import.meta.url)
const repository = fileURLToPath(new URL('../../..', import.meta.url))
const commander = join(repository, 'node_modules', 'commander')
const eventSourceParser = join(repository, 'node_modules', 'eventsource-parser')

const shared = serveAll()
let directory: string
let project: string

/** Packs what a build of these sources makes, whatever state the checkout's own dist is in, and installs it. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signalbox-cli-'))
  project = join(directory, 'project')
  await mkdir(project)
  for (const part of ['tsconfig.base.json', 'packages/client', 'packages/cli'])
    await cp(join(repository, part), join(directory, part), {
      recursive: true,
      filter: (path) => !/[/\\](dist|test|node_modules)$/.test(path),
    })
  await mkdir(join(directory, 'node_modules', '@signalbox'), { recursive: true })
  for (const name of ['commander', 'eventsource-parser', '@types'])
    await symlink(join(repository, 'node_modules', name), join(directory, 'node_modules', name))
  await symlink(join(directory, 'packages', 'client'), join(directory, 'node_modules', '@signalbox', 'client'))
  await run(process.execPath, [require.resolve('typescript/bin/tsc'), '-b', join(directory, 'packages', 'cli')])
  const pack = async (what: string): Promise<string> => {
    const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', directory], { cwd: what })
    return join(directory, stdout.trim())
  }
  const tarballs = [
    await pack(commander),
    await pack(eventSourceParser),
    await pack(join(directory, 'packages', 'client')),
    await pack(join(directory, 'packages', 'cli')),
  ]
  await writeFile(join(project, 'package.json'), JSON.stringify({ name: 'empty', private: true }))
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', '--silent', ...tarballs], { cwd: project })
}, 120_000)

afterAll(() => rm(directory, { recursive: true, force: true }))

const npx = (...args: string[]): Promise<{ stdout: string; stderr: string }> =>
  run('npx', ['--no-install', 'signalbox', ...args], {
    cwd: project,
    env: { ...process.env, NODE_OPTIONS: '', SIGNALBOX_URL: shared().url },
  })

it('has only what it needs', async () => {
  const installed = join(project, 'node_modules', '@signalbox', 'cli')
  expect((await readdir(installed)).sort()).toEqual(['LICENSE', 'README.md', 'bin', 'dist', 'package.json', 'src'])
  expect((await readdir(join(project, 'node_modules'))).sort()).toEqual([
    '.bin',
    '.package-lock.json',
    '@signalbox',
    'commander',
    'eventsource-parser',
  ])
})

it('passes publint', async () => {
  const { publint } = await import('publint')
  const { messages } = await publint({ pkgDir: join(directory, 'packages', 'cli'), strict: true })
  expect(messages).toEqual([])
})

it('runs by npx: help, its version, and a command under a lease', async () => {
  expect((await npx('--help')).stdout).toMatch(/^Usage: signalbox /)
  expect((await npx('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  expect(await npx('run', 'packed', '--', 'echo', 'done')).toEqual({ stdout: 'done\n', stderr: '' })
  await expect(npx('run', 'packed', '--', 'sh', '-c', 'exit 7')).rejects.toMatchObject({ code: 7 })
})
