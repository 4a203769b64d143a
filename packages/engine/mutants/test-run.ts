import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createVitest, type TestModule, type TestRunResult } from 'vitest/node'

export interface Stage {
  readonly name: string
  /** Below packages/. */
  readonly files: readonly string[]
  /** What takes longer hangs. */
  readonly limitMs: number
  /** Only tests whose names match. */
  readonly only?: RegExp
}

const engineTests = readdirSync(fileURLToPath(new URL('../test', import.meta.url)))

/** In the order of what they cost. What one notices, the next is not asked about. */
export const stages: readonly Stage[] = [
  {
    name: 'script tables',
    files: engineTests
      .filter((file) => /^(lua-.*|redis-turns|redis-listings)\.test\.ts$/.test(file))
      .map((file) => `engine/test/${file}`),
    limitMs: 60_000,
  },
  { name: 'model', files: ['engine/test/model-redis.test.ts'], limitMs: 240_000 },
  // On the clock of Redis, which the stages before have replaced.
  { name: 'conformance', files: ['conformance/test/stores.test.ts'], limitMs: 240_000, only: /^in Redis (?!in)/ },
]

/** One test runner over a copy of the sources, used again and again: to start one costs more than most runs. */
export interface TestRun {
  /** The test that failed first, or null. `file` has changed since the last run. */
  firstFailure(stage: Stage, file: string): Promise<string | null>
  close(): Promise<void>
}

const packages = ['protocol', 'engine', 'client', 'conformance', 'test-redis']

function failedTest({ testModules }: TestRunResult): string | undefined {
  return testModules.flatMap((module: TestModule) => [...module.children.allTests('failed')])[0]?.fullName
}

/** What failed besides tests: a hook, a whole file, the runner itself. */
function otherFailure({ testModules, unhandledErrors }: TestRunResult): string | null {
  const broken = testModules.find((module) => !module.ok())
  if (broken !== undefined) return `${broken.relativeModuleId}: ${broken.errors()[0]?.message ?? 'not run'}`
  return unhandledErrors.length > 0 ? String(unhandledErrors[0]) : null
}

export async function openTestRun(root: string, redisUrl: string): Promise<TestRun> {
  const pathOf = (file: string): string => join(root, 'packages', file)
  const alias = packages.map((name) => ({ find: `@signalbox/${name}`, replacement: pathOf(`${name}/src/index.ts`) }))
  const vitest = await createVitest(
    'test',
    {
      root,
      config: false,
      include: stages.flatMap(({ files }) => files.map((file) => `packages/${file}`)),
      setupFiles: [pathOf('engine/mutants/first-failure.ts')],
      env: { SIGNALBOX_MODEL_RUNS: '100' },
      pool: 'forks',
      // One process for all files: what is made anew for each mutant is most of what it costs.
      isolate: false,
      maxWorkers: 1,
      fileParallelism: false,
      bail: 1,
      testTimeout: 15_000,
      hookTimeout: 15_000,
      teardownTimeout: 2_000,
      reporters: [{}],
      silent: true,
      watch: false,
    },
    { resolve: { alias }, cacheDir: join(root, '.vite') },
  )
  const project = vitest.getRootProject()
  project.provide('redisUrl', redisUrl)
  return {
    async firstFailure({ files, only }, file) {
      vitest.invalidateFile(file)
      vitest.setGlobalTestNamePattern(only ?? '')
      const run = () => {
        // Or the result would have what failed in earlier runs, of other files too.
        vitest.state.filesMap.clear()
        return vitest.runTestSpecifications(files.map((test) => project.createSpecification(pathOf(test))))
      }
      const first = await run()
      // Without a test that failed it may have been the machine, which is not to be counted as a test that bites.
      const last = failedTest(first) === undefined && otherFailure(first) !== null ? await run() : first
      // A run that failed makes the process fail, which here it should not.
      process.exitCode = 0
      return failedTest(last) ?? otherFailure(last)
    },
    close: () => vitest.close(),
  }
}
