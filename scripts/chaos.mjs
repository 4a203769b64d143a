// npm run chaos -- --minutes 5 --seed 1
// In this very process, so that a Ctrl-C needs no passing on.
import { prepare } from './prepare.mjs'

prepare('packages/chaos', 'services/semaphore')
const built = new URL('../packages/chaos/dist/main.js', import.meta.url)
await import(built.href)
