// A replica like any other, but for a bug in its scripts. Its one argument names the bug.
import { fileURLToPath } from 'node:url'
import { createEngine, createRedisStore } from '@signalbox/engine'
import { buildApp } from '@signalbox/semaphore-service'
import { sabotagedScripts, sabotages, type SabotageName } from './sabotages.js'

const isSabotage = (name: string): name is SabotageName => name in sabotages
const name = process.argv[2] ?? ''
if (!isSabotage(name)) throw new Error(`there is no sabotage "${name}"`)

const luaFolder = fileURLToPath(new URL('../../../engine/lua', import.meta.url))
const scripts = sabotagedScripts(luaFolder, name)
const texts = Object.fromEntries(Object.values(scripts).map((script) => [script.name, script]))
const store = createRedisStore({ url: process.env['REDIS_URL'], texts })
const app = buildApp({ engine: createEngine({ store }) })
console.log(`Signalbox listens on ${await app.listen({ host: '127.0.0.1', port: 0 })}`)
