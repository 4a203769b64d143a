// npm run keygen -- --scope acquire --prefix billing: --name ci
import { prepare } from './prepare.mjs'

prepare('packages/cli')
process.argv.splice(2, 0, 'keygen')
await import(new URL('../packages/cli/dist/main.js', import.meta.url).href)
