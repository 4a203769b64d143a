// npm run keygen -- --scope acquire --prefix billing: --name ci
import { prepare } from './prepare.mjs'

prepare('services/semaphore')
const built = new URL('../services/semaphore/dist/keygen.js', import.meta.url)
await import(built.href)
