import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
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
  return redis.stop
}

async function startTestRedis(): Promise<{ url: string; stop: () => Promise<void> }> {
  const port = String(await freePort())
  const child = spawn('redis-server', ['--port', port, '--save', '', '--bind', '127.0.0.1'])
  child.stdout.setEncoding('utf8')
  for await (const text of child.stdout) if (String(text).includes('Ready to accept')) break
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      child.kill()
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (typeof address !== 'object' || address === null) throw new Error('a TCP server has an address with a port')
  return address.port
}
