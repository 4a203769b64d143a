// npm run fuzz [-- --requests 100000 --seed 1]
// Builds what is attacked, then runs services/semaphore/test/fuzz/cli.ts against it.
import { tsImport } from 'tsx/esm/api'
import { prepare } from './prepare.mjs'

prepare('services/semaphore', 'packages/test-redis')
await tsImport('../services/semaphore/test/fuzz/cli.ts', import.meta.url)
