import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'

/** Either the lock, or the process that has it. */
export type DirectoryLock = { readonly held: true; release(): void } | { readonly held: false; readonly pid: number }

/**
 * One process per directory, by a file that names it. A process that ended without releasing leaves the file behind; whoever comes next
 * finds that the process is gone and takes the file's place. Linking makes that one step: of two that try at once, one fails.
 */
export function lockDirectory(file: string): DirectoryLock {
  const mine = `${file}.${process.pid}`
  writeFileSync(mine, String(process.pid))
  try {
    for (;;) {
      if (tryLink(mine, file)) return { held: true, release: () => releaseOwn(file) }
      const pid = readPid(file)
      if (pid === null) continue
      if (pid !== process.pid && isAlive(pid)) return { held: false, pid }
      // Moved away, not removed: what is moved is looked at again, in case someone else took the place in between.
      const stale = `${mine}.stale`
      renameSync(file, stale)
      if (readPid(stale) !== pid) tryLink(stale, file)
      rmSync(stale, { force: true })
    }
  } finally {
    rmSync(mine, { force: true })
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

function releaseOwn(file: string): void {
  if (readPid(file) === process.pid) rmSync(file, { force: true })
}

function readPid(file: string): number | null {
  try {
    return Number(readFileSync(file, 'utf8'))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw error
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
