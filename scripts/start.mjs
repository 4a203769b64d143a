// npm start: from a fresh clone to a service that answers. In this very process, so that a signal needs no passing on and
// nothing is left behind. (package.json says `exec node` because the shell in between would not pass signals on.)
import { prepare } from './prepare.mjs'

// The SDK and the command line too: they are used from this clone.
prepare('services/semaphore', 'packages/client', 'packages/cli', 'packages/testing', 'packages/dashboard')
const built = new URL('../services/semaphore/dist/main.js', import.meta.url)
await import(built.href)
