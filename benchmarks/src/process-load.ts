import { readFileSync } from 'node:fs'

/** Of another process, as Linux tells it; NaN elsewhere. */
export interface ProcessLoad {
  readonly cpuUs: number
  readonly memoryBytes: number
}

/** The kernel counts processor time in hundredths of a second, whatever its own clock. */
const tickUs = 10_000

export function processLoad(pid: number): ProcessLoad {
  try {
    // The program's name, in parentheses, may have spaces.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    const memoryKiB = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
    return { cpuUs: (Number(fields[11]) + Number(fields[12])) * tickUs, memoryBytes: memoryKiB * 1_024 }
  } catch {
    return { cpuUs: NaN, memoryBytes: NaN }
  }
}
