// npm run release                 everything that a release is checked for, and a rehearsal of publishing it
// npm run release -- --publish    publishes what the registry does not have yet, with provenance; in continuous integration alone
import { spawnSync } from 'node:child_process'
import { publicPackages, root } from './public-packages.mjs'

const publishes = process.argv.includes('--publish')
const packages = publicPackages()

/** @param {string} program @param {string[]} args @param {string} [cwd] */
function step(program, args, cwd = root) {
  console.log(`\n=== ${program} ${args.join(' ')}`)
  const { status } = spawnSync(program, args, { cwd, stdio: 'inherit' })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed`)
}

/** @param {string} sentence */
function refuse(sentence) {
  throw new Error(`No release: ${sentence}`)
}

/** What no registry takes back: a version that cannot be told from another, or whose origin nobody can prove. */
function checkOrigin() {
  const versions = new Set(packages.map(({ manifest }) => manifest.version))
  if (versions.size !== 1) refuse(`the public packages have ${[...versions].join(' and ')}; they share one version.`)
  const { stdout } = spawnSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' })
  if (stdout !== '') refuse('there are changes that are not committed.')
  if (!publishes) return
  const without = packages
    .filter(({ manifest }) => manifest.repository === undefined)
    .map(({ manifest }) => manifest.name)
  if (without.length > 0)
    refuse(`provenance names a repository, and ${without.join(', ')} say none (package.json: repository).`)
  // npm gets the proof from the continuous integration's own identity, of GitHub or of GitLab.
  if (process.env['ACTIONS_ID_TOKEN_REQUEST_URL'] === undefined && process.env['SIGSTORE_ID_TOKEN'] === undefined)
    refuse('provenance is made in continuous integration, with the permission id-token: write.')
}

try {
  checkOrigin()
  step('npm', ['run', '--silent', 'check'])
  step('npm', ['run', '--silent', 'check:packages'])
  for (const { directory } of packages)
    step('npm', ['publish', '--dry-run', '--ignore-scripts', '--no-provenance', '--loglevel=error'], directory)
  if (publishes) step('npx', ['changeset', 'publish'])
  else console.log('\nAll is well; nothing was published.')
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
