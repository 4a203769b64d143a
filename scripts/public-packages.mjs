import { readdirSync, readFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** @typedef {{ name: string, version: string, private?: boolean, license?: string, description?: string, repository?: unknown, bin?: object, exports?: object }} Manifest */

/** What is meant for the registry: every workspace that does not say `private`. */
export function publicPackages() {
  return ['packages', 'services']
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(root, folder, name)))
    .filter((directory) => existsSync(join(directory, 'package.json')))
    .map((directory) => ({ directory, manifest: manifestOf(directory) }))
    .filter(({ manifest }) => manifest.private !== true)
}

/** @param {string} directory @returns {Manifest} */
function manifestOf(directory) {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
}
