import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'

/** What fits into a socket address everywhere (Linux has 108 bytes, macOS 104, with the closing zero). */
const pathBytesMax = 103

/**
 * The socket's path: in the data directory, or, when that lies too deep for a socket address, in a directory of this user's alone under
 * the temporary one, named after the data directory so that every service of it finds the same.
 */
export function socketPathIn(directory: string): string {
  const path = join(directory, 'redis.sock')
  if (Buffer.byteLength(path) <= pathBytesMax) return path
  const { uid } = userInfo()
  const digest = createHash('sha256').update(directory).digest('hex').slice(0, 16)
  const short = join(tmpdir(), `signalbox-${uid}-${digest}`)
  mkdirSync(short, { recursive: true, mode: 0o700 })
  const status = lstatSync(short)
  // The temporary directory is everyone's: another user may have been there first.
  if (!status.isDirectory() || status.uid !== uid || (status.mode & 0o077) !== 0) {
    throw new Error(`${short} is not a directory of this user's alone: remove it, or use a shorter SIGNALBOX_DATA_DIR.`)
  }
  return join(short, 'redis.sock')
}
