import { startContainerLauncher } from './container-launcher.js'
import { dockerAnswers, givenImage } from './container-redis.js'
import { installRedis } from './install-redis.js'
import type { Launcher } from './launcher.js'
import { findOnPath, localLauncher } from './local-redis.js'

/** The server program that a run on a certain engine is told to use. */
export function givenProgram(): string | null {
  const program = process.env['SIGNALBOX_TEST_REDIS_PROGRAM'] ?? ''
  return program === '' ? null : program
}

/** A program to start servers with. Installs one where that is possible and there is none. */
export async function serverProgram(say: (line: string) => void): Promise<string> {
  const program = givenProgram() ?? installedProgram() ?? (await installRedis(say))
  if (program !== null) return program
  throw new Error(
    'Tests need a Redis, and none was found. Start Docker, or install one (`sudo apt-get install redis-server`, ' +
      '`brew install redis`), or name one that may be written to: SIGNALBOX_TEST_REDIS_URL=redis://host:6379',
  )
}

function installedProgram(): string | null {
  return findOnPath('redis-server', 'valkey-server')
}

/**
 * For servers that know each other: the program or the image that this run is told to use; else a program, which is quicker than a container;
 * else a container.
 */
export async function startLauncher(servers: number): Promise<Launcher> {
  const program = givenProgram() ?? (givenImage() === null ? installedProgram() : null)
  if (program === null && (await dockerAnswers())) return startContainerLauncher(servers)
  return localLauncher(program ?? (await serverProgram(() => undefined)))
}
