// Three workers, each an operating-system process of its own, share a semaphore of value 2: two work at once, and the third
// begins when one of them has released.
//   node main.mjs 3000      SIGNALBOX_URL says where the service is, by default http://127.0.0.1:7600
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const workMs = process.argv[2] ?? '3000'
const worker = fileURLToPath(new URL('worker.mjs', import.meta.url))

const codes = await Promise.all(
  ['worker 1', 'worker 2', 'worker 3'].map(async (name) => {
    // They write to one and the same output, so their lines stand in the order in which they were written.
    const child = spawn(process.execPath, [worker, name, workMs], { stdio: 'inherit' })
    const [code] = await once(child, 'exit')
    return /** @type {number | null} */ (code)
  }),
)

if (codes.every((code) => code === 0)) console.log('All Workers Completed')
else process.exitCode = 1
