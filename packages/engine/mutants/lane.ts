import { startTestRedis, type TestRedis } from '@signalbox/test-redis'
import { Redis } from 'ioredis'
import type { Mutant } from './mutate.js'
import { createSandbox } from './sandbox.js'
import { openTestRun, type Stage, stages } from './test-run.js'

export type Verdict =
  | { readonly kind: 'killed'; readonly by: string }
  | { readonly kind: 'survived' }
  /** No Lua, or no script that the compiler takes, or the very scripts that there were: nothing that a test could see. */
  | { readonly kind: 'void'; readonly why: string }

/** One sandbox with a test runner and a Redis of its own; it judges one mutant at a time. */
export interface Lane {
  judge(mutant: Mutant, stage: Stage): Promise<Verdict>
  /** @throws Error if a test fails on the sources as they are. */
  checkHealthy(): Promise<void>
  close(): Promise<void>
}

/** A script in an endless loop answers nobody else, and does not end with its caller. */
async function revive(redis: TestRedis): Promise<void> {
  const client = new Redis(redis.url, { commandTimeout: 1_000, maxRetriesPerRequest: 0, retryStrategy: () => null })
  client.on('error', () => undefined)
  try {
    await client.flushall()
  } catch {
    await redis.restart()
  } finally {
    client.disconnect()
  }
}

async function whyNotLua(redis: TestRedis, texts: readonly string[]): Promise<string | null> {
  const client = new Redis(redis.url)
  try {
    for (const text of texts) await client.script('LOAD', text)
    return null
  } catch (error) {
    return String(error)
  } finally {
    client.disconnect()
  }
}

export async function openLane(repository: string): Promise<Lane> {
  const sandbox = createSandbox(repository)
  const redis = await startTestRedis({ ownServer: true, say: () => undefined })
  const tests = await openTestRun(sandbox.root, redis.url)

  async function runStage(stage: Stage): Promise<Verdict> {
    const hung = new AbortController()
    // Whatever hangs, hangs on Redis.
    const watchdog = setTimeout(() => {
      hung.abort()
      void redis.kill()
    }, stage.limitMs)
    const by = await tests.firstFailure(stage, sandbox.generated)
    clearTimeout(watchdog)
    await revive(redis)
    if (hung.signal.aborted) return { kind: 'killed', by: 'the clock: it hangs' }
    return by === null ? { kind: 'survived' } : { kind: 'killed', by }
  }

  return {
    async judge({ file, source }, stage) {
      const texts = sandbox.put(file, source)
      if (texts === null) return { kind: 'void', why: 'the compiler refuses it' }
      if (texts.length === 0) return { kind: 'void', why: 'it changes no script' }
      const why = await whyNotLua(redis, texts)
      return why === null ? runStage(stage) : { kind: 'void', why }
    },
    async checkHealthy() {
      for (const stage of stages) {
        const verdict = await runStage(stage)
        if (verdict.kind === 'killed') throw new Error(`Fails on the sources as they are: ${verdict.by}`)
      }
    },
    async close() {
      await tests.close()
      await redis.stop()
      sandbox.remove()
    },
  }
}
