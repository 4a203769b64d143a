import { startTestRedis } from '@signalbox/test-redis'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  export interface ProvidedContext {
    /** One real Redis for the whole run. Tests share it, so each owns a key prefix and never flushes. */
    redisUrl: string
  }
}

/** Starts the Redis that `inject('redisUrl')` names, once for all test files. */
export default async function startSharedRedis(project: TestProject): Promise<() => Promise<void>> {
  const redis = await startTestRedis()
  project.provide('redisUrl', redis.url)
  return () => redis.stop()
}
