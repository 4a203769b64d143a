// What `npm start` and `npm test` need before they can do their own work, on a fresh clone with nothing but Node and npm there.
// Plain JavaScript without a dependency: it runs before there are any.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const dashboard = 'packages/dashboard'
const oldestNode = [20, 19]

/**
 * Checks Node, installs where the lock asks for other packages than are there, and builds what changed.
 * @param {string[]} projects what is to be built, with what it leans on; none: everything. The dashboard only where it is named
 */
export function prepare(...projects) {
  checkNode()
  if (!isInstalled()) {
    run('Installing the packages (npm ci)', 'npm', [
      'ci',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
    ])
  }
  const references = projects.filter((project) => project !== dashboard)
  run('Building (tsc -b)', process.execPath, ['node_modules/typescript/bin/tsc', '-b', ...references])
  if ((projects.length === 0 || projects.includes(dashboard)) && !isDashboardBuilt()) {
    run('Building the dashboard (vite build)', process.execPath, [
      'node_modules/vite/bin/vite.js',
      'build',
      '--logLevel=warn',
      dashboard,
    ])
  }
}

/** By the times of its files, as make does. A file that was deleted or renamed is seen in its folder's time. */
function isDashboardBuilt() {
  const built = `${root}${dashboard}/dist/index.html`
  if (!existsSync(built)) return false
  const builtMs = statSync(built).mtimeMs
  const inputs = ['index.html', 'vite.config.ts', 'tsconfig.json', 'package.json', 'src', 'public']
  return [...inputs.map((input) => `${root}${dashboard}/${input}`), `${root}package-lock.json`].every(
    (input) => changedMs(input) <= builtMs,
  )
}

/**
 * @param {string} path a file, or a folder with all that is in it
 * @returns {number} when the youngest was changed
 */
function changedMs(path) {
  const stats = statSync(path)
  const inside = stats.isDirectory() ? readdirSync(path).map((name) => changedMs(`${path}/${name}`)) : []
  return Math.max(stats.mtimeMs, ...inside)
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const [oldestMajor = 0, oldestMinor = 0] = oldestNode
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return
  fail(`Signalbox needs Node ${oldestNode.join('.')} or newer, and this is Node ${process.versions.node}.`)
}

/**
 * Whether node_modules holds what package-lock.json asks for. npm keeps its own list of what it installed, written last, so an
 * installation that broke off does not pass for a whole one, and one made by `npm install` is not made again.
 */
function isInstalled() {
  const installed = readLock('node_modules/.package-lock.json')
  const wanted = readLock('package-lock.json')
  return Object.entries(wanted).every(([path, { version, integrity, optional, devOptional, peer }]) => {
    if (!path.includes('node_modules/')) return true
    const found = installed[path]
    // npm leaves out what this platform has no use for.
    if (found === undefined) return Boolean(optional ?? devOptional ?? peer)
    return found.version === version && found.integrity === integrity
  })
}

/**
 * @typedef {{ version?: string, integrity?: string, optional?: boolean, devOptional?: boolean, peer?: boolean }} LockedPackage
 * @param {string} path
 * @returns {Record<string, LockedPackage>}
 */
function readLock(path) {
  if (!existsSync(root + path)) return {}
  /** @type {{ packages: Record<string, LockedPackage> }} */
  const lock = JSON.parse(readFileSync(root + path, 'utf8'))
  return lock.packages
}

/**
 * @param {string} what said in one line, with how long it took
 * @param {string} program
 * @param {string[]} args
 */
function run(what, program, args) {
  process.stdout.write(`${what} ... `)
  const startMs = performance.now()
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    // npm is a shell script by another name on Windows.
    shell: process.platform === 'win32' && program === 'npm',
  })
  if (status !== 0) {
    process.stdout.write('failed\n')
    fail(`${stdout}${stderr}${error === undefined ? '' : String(error)}`.trim())
  }
  console.log(`${((performance.now() - startMs) / 1_000).toFixed(1)} s`)
}

/**
 * @param {string} why
 * @returns {never}
 */
function fail(why) {
  console.error(why)
  process.exit(1)
}
