import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { nowMs } from '../clock.js'
import type { NewEvent } from './event.js'

export interface Recorder {
  /** Whose history it is. */
  readonly by: string
  record(event: NewEvent): void
  close(): void
}

/** Writes events to a file of its own, each before this returns: a process that is killed the next moment has said it. */
export function openRecorder(directory: string, by: string): Recorder {
  const file = openSync(join(directory, `${by}.jsonl`), 'a')
  return {
    by,
    record: (event) => void writeSync(file, `${JSON.stringify({ at: nowMs(), by, ...event })}\n`),
    close: () => closeSync(file),
  }
}
