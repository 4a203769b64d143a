// npm run bench [-- --only SCENARIO[,…]] [--quick] [--json FILE]
// Builds what is measured, then runs src/main.ts against it.
import { tsImport } from 'tsx/esm/api'
import { prepare } from '../scripts/prepare.mjs'

prepare('services/semaphore', 'packages/client', 'packages/test-redis')
await tsImport('./src/main.ts', import.meta.url)
