import { execFileSync } from 'node:child_process'
import { availableParallelism, cpus, loadavg, totalmem, type } from 'node:os'

/** On what, and of what, the figures are. */
export interface Circumstances {
  readonly date: string
  readonly machine: string
  readonly node: string
  readonly redis: string
  readonly commit: string
  /** How many processes wanted a core just before: above the number of cores, the figures say little. */
  readonly load: number
}

export function circumstances(redis: string, load: number): Circumstances {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor'
  const gibibytes = (totalmem() / 2 ** 30).toFixed(0)
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' ') + ' UTC',
    machine: `${model}, ${availableParallelism()} cores, ${gibibytes} GiB, ${type()}, loopback`,
    node: process.version,
    redis,
    commit: commit(),
    load,
  }
}

/** Of the last minute. */
export function loadNow(): number {
  return loadavg()[0] ?? NaN
}

function commit(): string {
  try {
    const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim()
    const hasChanges = git('status', '--porcelain', '--', '.', ':!RESULTS.md', ':!charts') !== ''
    return git('rev-parse', '--short', 'HEAD') + (hasChanges ? ', with changes' : '')
  } catch {
    return 'unknown'
  }
}
