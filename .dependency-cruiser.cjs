// Which module may lean on which (ARCHITECTURE.md has the picture). ESLint sees one import at a time; this sees the graph.

const inside = '^(packages|services)/[^/]+/'

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphans',
      comment: 'A module nobody imports is dead, or a program: then name it here.',
      severity: 'error',
      from: {
        orphan: true,
        pathNot: [
          '/test/',
          '\\.d\\.ts$',
          'main\\.(tsx?|mjs)$',
          '^(packages|services)/[^/]+/bin/',
          '\\.config\\.ts$',
          '^(examples|benchmarks|scripts)/',
          '/scripts/',
        ],
      },
      to: {},
    },
    {
      name: 'sources-do-not-know-tests',
      severity: 'error',
      from: { path: `${inside}src/`, pathNot: '^packages/(conformance|test-redis|chaos)/' },
      to: {
        path: [
          '/test/',
          '^packages/(conformance|test-redis|chaos)/',
          'node_modules/(vitest|fast-check|testcontainers)/',
        ],
      },
    },
    {
      name: 'protocol-leans-on-zod-alone',
      severity: 'error',
      from: { path: '^packages/protocol/src/' },
      to: { pathNot: ['^packages/protocol/src/', 'node_modules/zod/'] },
    },
    {
      name: 'client-leans-on-nothing',
      severity: 'error',
      from: { path: '^packages/client/src/' },
      to: { pathNot: '^packages/client/src/' },
    },
    {
      name: 'engine-knows-no-http',
      severity: 'error',
      from: { path: '^packages/engine/src/' },
      to: { path: ['^services/', '^packages/(client|conformance)/', 'node_modules/@?fastify/'] },
    },
    {
      name: 'the-fault-run-meets-the-service-as-its-callers-do',
      severity: 'error',
      from: { path: '^packages/chaos/src/' },
      to: { path: ['^services/', '^packages/(engine|protocol|conformance)/'] },
    },
    {
      name: 'dashboard-takes-nothing-but-types',
      comment: 'Zod and its schemas would be most of the page.',
      severity: 'error',
      from: { path: '^packages/dashboard/src/' },
      to: {
        path: '^(packages|services)/',
        pathNot: '^packages/dashboard/src/',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'the-command-line-meets-the-service-as-its-callers-do',
      severity: 'error',
      from: { path: '^packages/cli/src/' },
      to: { path: ['^services/', '^packages/(engine|protocol|conformance|test-redis|chaos)/'] },
    },
    {
      name: 'only-the-redis-store-knows-redis',
      comment: 'Besides the store, main.ts of the service chooses the store and so may know its client.',
      severity: 'error',
      from: {
        path: `${inside}src/`,
        pathNot: ['^packages/engine/src/redis/', '^services/semaphore/src/main\\.ts$', '^packages/(test-redis|chaos)/'],
      },
      to: { path: 'node_modules/ioredis/' },
    },
    {
      name: 'redis-and-memory-stores-do-not-know-each-other',
      severity: 'error',
      from: { path: '^packages/engine/src/(redis|memory)/' },
      to: { path: '^packages/engine/src/(redis|memory)/', pathNot: '^packages/engine/src/$1/' },
    },
    {
      name: 'service-meets-the-engine-by-its-door',
      severity: 'error',
      from: { path: '^services/' },
      to: { path: '^packages/[^/]+/', pathNot: '^packages/[^/]+/(src|dist)/index\\.(d\\.ts|ts|js)$' },
    },
    {
      name: 'no-dev-dependency-at-run-time',
      severity: 'error',
      // What the dashboard is made of is built into its files.
      from: { path: `${inside}src/`, pathNot: '^packages/(conformance|test-redis|chaos|dashboard)/' },
      to: { dependencyTypes: ['npm-dev'] },
    },
    { name: 'everything-resolves', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['/dist/', '/coverage/'] },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.test.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'node', 'default'] },
  },
}
