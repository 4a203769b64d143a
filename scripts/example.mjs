// npm run tutorial · npm run example -- bounded.mjs · npm run example -- curl.sh
// Runs a program of examples/ against the service that SIGNALBOX_URL names, or else one started for it and stopped after it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { prepare } from './prepare.mjs'
import { startService } from './service.mjs'

const [example = 'tutorial/main.mjs', ...args] = process.argv.slice(2)
const program = fileURLToPath(new URL(`../examples/${example}`, import.meta.url))

prepare('services/semaphore', 'packages/client')
const given = process.env['SIGNALBOX_URL']
const service = given === undefined ? await startService({}, { detached: true }) : { url: given, stop: async () => {} }
console.log(`Signalbox at ${service.url}${given === undefined ? ', started for this' : ''}\n`)

const child = spawn(example.endsWith('.sh') ? 'bash' : process.execPath, [program, ...args], {
  stdio: 'inherit',
  env: { ...process.env, SIGNALBOX_URL: service.url },
})
// To stay until the program has ended is what lets the service be stopped.
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
  process.on(signal, () => child.kill(signal))
const [code] = await once(child, 'exit')
await service.stop()
process.exit(typeof code === 'number' ? code : 1)
