import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { findOnPath } from './local-redis.js'

async function succeeds(program: string, args: readonly string[]): Promise<boolean> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const child = spawn(program, args, { stdio: 'ignore', env })
  await once(child, 'exit')
  return child.exitCode === 0
}

/** Only as root on a Debian-like system; null where that is not so, or where it did not work. */
export async function installRedis(say: (line: string) => void): Promise<string | null> {
  const apt = findOnPath('apt-get')
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version') || apt === null) return null
  say('Test Redis: none found; installing redis-server with apt-get, once.')
  const install = ['-qq', 'install', '-y', '--no-install-recommends', 'redis-server']
  const isInstalled =
    (await succeeds(apt, install)) || ((await succeeds(apt, ['-qq', 'update'])) && (await succeeds(apt, install)))
  return isInstalled ? findOnPath('redis-server') : null
}
