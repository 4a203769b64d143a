import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string): string => fileURLToPath(new URL(`${path}/src/index.ts`, import.meta.url))

export default defineConfig({
  resolve: {
    // Tests meet the sources, not dist: an edit is seen at once, and a stack trace points at the line that was written.
    alias: {
      '@signalbox/protocol': source('packages/protocol'),
      '@signalbox/engine': source('packages/engine'),
      '@signalbox/client': source('packages/client'),
      '@signalbox/conformance': source('packages/conformance'),
      '@signalbox/testing': source('packages/testing'),
      '@signalbox/test-redis': source('packages/test-redis'),
      '@signalbox/semaphore-service': source('services/semaphore'),
    },
  },
  test: {
    environment: 'node',
    include: [
      'packages/*/test/**/*.test.ts',
      'services/*/test/**/*.test.ts',
      'examples/test/**/*.test.ts',
      'benchmarks/test/**/*.test.ts',
    ],
    globalSetup: ['scripts/vitest/shared-redis.ts'],
    setupFiles: ['scripts/vitest/leaks.ts'],
    // Processes, not threads: a test that blocks its event loop or kills its process must not reach its neighbours.
    pool: 'forks',
    fileParallelism: true,
    // Timings are asserted, so leave Redis a core; but tests mostly wait, so two at once even where there are but two.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // For the busiest machine: a test that passes in time is no slower for it, and one that hangs is found all the same.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 10_000,
    restoreMocks: true,
    unstubEnvs: true,
    unstubGlobals: true,
    coverage: { provider: 'v8', include: ['packages/*/src/**', 'services/*/src/**'] },
  },
})
