// npm run soak [-- --names 100000 --cycles 1000000]
// Builds what is soaked, then runs services/semaphore/test/soak/cli.ts against it.
import { tsImport } from 'tsx/esm/api'
import { prepare } from './prepare.mjs'

prepare('services/semaphore', 'packages/test-redis')
await tsImport('../services/semaphore/test/soak/cli.ts', import.meta.url)
