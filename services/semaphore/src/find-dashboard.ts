import { createRequire } from 'node:module'
import { dirname } from 'node:path'

/** The folder of the built dashboard; null: it is not built. (As a package, so that where it lies is npm's to say.) */
export function findDashboard(): string | null {
  try {
    return dirname(createRequire(import.meta.url).resolve('@signalbox/dashboard/index.html'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND') return null
    throw error
  }
}
