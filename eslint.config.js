import js from '@eslint/js'
import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'

const sources = ['{packages,services}/*/src/**/*.{ts,tsx}', 'packages/engine/{compiler,mutants}/**/*.ts']

/** Only a `config.ts` reads the environment and only a `main.ts`, which is a program, ends the process. */
const processProperties = {
  env: {
    object: 'process',
    property: 'env',
    message: 'Only config.ts reads the environment: take the value as an argument.',
  },
  exit: { object: 'process', property: 'exit', message: 'Only main.ts ends the process: throw, or return an outcome.' },
}

/**
 * Which way the packages may lean on each other (ARCHITECTURE.md). `tsc -b` does not see a wrong import, because npm hoists every
 * workspace to one place. One block a package: overlapping blocks would replace, not add to, each other's rule.
 */
const directions = [
  house(
    'packages/protocol/src/**',
    ['@signalbox/*', 'ioredis', 'fastify', '@fastify/*', 'prom-client', 'node:*'],
    'protocol depends on zod alone',
  ),
  house(
    'packages/engine/src/**',
    ['@signalbox/*', '!@signalbox/protocol', 'fastify', '@fastify/*', 'prom-client', 'node:http', 'node:http2'],
    'the engine knows nothing of HTTP',
  ),
  house(
    'packages/client/src/**',
    ['@signalbox/*', 'zod', 'ioredis', 'fastify', 'node:*'],
    'the SDK has no dependency and runs where there is no Node',
  ),
  house(
    'packages/conformance/src/**',
    ['@signalbox/client', '@signalbox/semaphore-service', 'ioredis', 'fastify'],
    'the suite knows only the interface it tests',
  ),
  house(
    'packages/testing/src/**',
    ['@signalbox/*', '!@signalbox/client', '!@signalbox/engine', '!@signalbox/semaphore-service', 'ioredis', 'fastify'],
    'what users test with is the service and the SDK as they are, put together',
  ),
  house(
    'packages/dashboard/src/**',
    ['@signalbox/*', '!@signalbox/protocol', 'zod', 'node:*'],
    'the dashboard meets the service by HTTP, and takes nothing but types from the protocol',
  ),
  house('packages/test-redis/src/**', ['@signalbox/*', 'fastify'], 'a Redis for tests knows nothing of Signalbox'),
  house(
    'packages/chaos/src/**',
    ['@signalbox/*', '!@signalbox/client', '!@signalbox/test-redis', 'fastify', '@fastify/*'],
    'the fault run meets the service as its callers do, in processes of its own',
  ),
  house(
    'packages/cli/src/**',
    ['@signalbox/*', '!@signalbox/client', 'zod', 'ioredis', 'fastify', '@fastify/*'],
    'the command line knows the SDK and HTTP, as any other caller',
  ),
  house(
    'services/semaphore/src/**',
    ['@signalbox/*', '!@signalbox/protocol', '!@signalbox/engine', 'ioredis'],
    'the service knows nothing of Redis',
    ['services/semaphore/src/main.ts'],
  ),
]

export default defineConfig(
  { ignores: ['**/dist/', '**/coverage/', '**/*.gen.ts', '.signalbox/', 'docs/reference/sdk/'] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.test.json', './packages/dashboard/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      'max-lines': ['error', 300],
      'max-lines-per-function': ['error', 70],
      'no-restricted-properties': ['error', processProperties.env, processProperties.exit],
      'no-restricted-syntax': [
        'error',
        {
          selector:
            ':matches(PropertyDefinition, MethodDefinition, TSParameterProperty)[accessibility=/private|protected/]',
          message: 'Use #name: it is private at run time too.',
        },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { allowDefaultCaseForExhaustiveSwitch: false }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/naming-convention': [
        'error',
        { selector: 'default', format: null, leadingUnderscore: 'forbid' },
        // One that a signature asks for and nobody reads.
        { selector: 'parameter', modifiers: ['unused'], format: null, leadingUnderscore: 'allow' },
        {
          selector: 'typeLike',
          format: ['PascalCase'],
          custom: { regex: '^I[A-Z][a-z]|(Manager|Helper|Impl|Utils?)$', match: false },
        },
      ],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      // An implementation of an asynchronous interface may have nothing to wait for (the memory store has not).
      '@typescript-eslint/require-await': 'off',
    },
  },
  { files: sources, rules: { '@typescript-eslint/no-unsafe-type-assertion': 'error' } },
  ...directions,
  { files: ['**/src/config.ts'], rules: { 'no-restricted-properties': ['error', processProperties.exit] } },
  { files: ['**/main.ts'], rules: { 'no-restricted-properties': ['error', processProperties.env] } },
  {
    // Programs, tests and measurements: they set up environments, and a `describe` is one long function by nature.
    files: [
      '**/test/**',
      'scripts/**',
      'examples/**',
      'benchmarks/**',
      '*.config.*',
      'packages/conformance/src/**',
      'packages/test-redis/src/**',
      'packages/dashboard/screenshots/**',
    ],
    rules: {
      'max-lines-per-function': 'off',
      'no-restricted-properties': 'off',
      // What a test is given to work with is taken apart by name: `({ acquire, release }) => …`.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    // `checkJs` knows the globals better, and the linter does not see a type that a comment gives.
    files: ['**/*.{js,mjs,cjs}'],
    rules: {
      'no-undef': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    files: ['**/*.cjs'],
    languageOptions: { sourceType: 'commonjs', globals: { module: 'writable' } },
  },
)

/**
 * @param {string} files whose imports are restricted
 * @param {string[]} group what they must not import (gitignore patterns; `!` lets one in again)
 * @param {string} message why
 * @param {string[]} [ignores]
 * @returns {import('eslint').Linter.Config}
 */
function house(files, group, message, ignores = []) {
  return { files: [files], ignores, rules: { 'no-restricted-imports': ['error', { patterns: [{ group, message }] }] } }
}
