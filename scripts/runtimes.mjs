// npm run runtimes     the conformance suite through the SDK, with Bun and with Deno in Node's place.
// Both come from the npm registry, into a directory of their own: their packages hold programs for every platform, which `npm ci` would want all of.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prepare } from './prepare.mjs'
import { root } from './public-packages.mjs'

const suite = 'packages/conformance/test/sdk.test.ts'
const vitest = 'node_modules/vitest/vitest.mjs'
const runtimes = [
  {
    name: 'bun',
    wanted: 'bun@1',
    command: ['bun', '--bun', vitest, 'run', '--config', 'scripts/vitest/bun.config.ts', '--root', '.'],
  },
  { name: 'deno', wanted: 'deno@2', command: ['deno', 'run', '-A', vitest, 'run'] },
]

prepare()
const directory = mkdtempSync(join(tmpdir(), 'signalbox-runtimes-'))
writeFileSync(join(directory, 'package.json'), '{ "private": true }')
try {
  for (const { name, wanted, command } of runtimes) {
    // Their scripts run: bun's puts the program in its place.
    const flags = ['--no-audit', '--no-fund', '--loglevel=error']
    const installed = spawnSync('npm', ['install', ...flags, wanted], {
      cwd: directory,
      stdio: 'inherit',
      timeout: 120_000,
    })
    if (installed.status !== 0) {
      console.log(`${name}: skipped, the package registry does not have it for this machine`)
      continue
    }
    const [program = '', ...args] = command
    const env = { ...process.env, PATH: `${join(directory, 'node_modules', '.bin')}:${process.env['PATH'] ?? ''}` }
    spawnSync(program, ['--version'], { env, stdio: 'inherit' })
    const { status } = spawnSync(program, [...args, suite], { cwd: root, env, stdio: 'inherit', timeout: 240_000 })
    console.log(`${name}: ${status === 0 ? 'passed' : 'FAILED'}`)
    if (status !== 0) process.exitCode = 1
  }
} finally {
  rmSync(directory, { recursive: true, force: true })
}
