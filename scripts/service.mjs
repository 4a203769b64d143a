import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../services/semaphore/dist/main.js', import.meta.url))
const readyWithinMs = 20_000

/**
 * Starts the built service as a process of its own, on a free port, and waits until it grants. What its store keeps is gone
 * with it.
 * @param {Record<string, string | undefined>} [env] beside this process's own
 * @param {{ detached?: boolean }} [options] detached: out of the reach of a Ctrl-C, which would end it before those who still
 *   have something to release
 * @returns {Promise<{ url: string, pid: number, stop: () => Promise<void> }>}
 */
export async function startService(env = {}, { detached = false } = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'signalbox-'))
  const port = String(await freePort())
  const isTls = Boolean({ ...process.env, ...env }['SIGNALBOX_TLS_CERT_FILE'])
  const url = `${isTls ? 'https' : 'http'}://127.0.0.1:${port}`
  const child = spawn(process.execPath, [main], {
    cwd: directory,
    env: { LOG_LEVEL: 'warn', ...process.env, HOST: '127.0.0.1', PORT: port, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
    detached,
  })
  const ended = once(child, 'exit')
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
    await rm(directory, { recursive: true, force: true })
  }
  const untilMs = performance.now() + readyWithinMs
  while (!(await isReady(url))) {
    if (child.exitCode === null && performance.now() < untilMs) {
      await sleep(25)
      continue
    }
    await stop()
    throw new Error(`The service did not become ready in ${readyWithinMs} ms (exit code ${child.exitCode ?? 'none'}).`)
  }
  // It has one, having answered.
  return { url, pid: child.pid ?? 0, stop }
}

/** @param {string} url */
async function isReady(url) {
  try {
    return (await fetch(`${url}/readyz`)).ok
  } catch {
    return false
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('A TCP server has an address with a port.')
  return address.port
}
