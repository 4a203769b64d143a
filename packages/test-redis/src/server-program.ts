import { installRedis } from './install-redis.js'
import { findOnPath } from './local-redis.js'

/** The server program that a run on a certain engine is told to use. */
export function givenProgram(): string | null {
  const program = process.env['SIGNALBOX_TEST_REDIS_PROGRAM'] ?? ''
  return program === '' ? null : program
}

/** A program to start servers with. Installs one where that is possible and there is none. */
export async function serverProgram(say: (line: string) => void): Promise<string> {
  const program = givenProgram() ?? findOnPath('redis-server', 'valkey-server') ?? (await installRedis(say))
  if (program !== null) return program
  throw new Error(
    'Tests need a Redis, and none was found. Start Docker, or install one (`sudo apt-get install redis-server`, ' +
      '`brew install redis`), or name one that may be written to: SIGNALBOX_TEST_REDIS_URL=redis://host:6379',
  )
}
