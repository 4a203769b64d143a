import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export interface EtcdServer {
  readonly url: string
  stop(): Promise<void>
}

/** One member, on free ports; null when there is no `etcd` on the PATH, or none that starts. */
export async function startEtcd(): Promise<EtcdServer | null> {
  const directory = await mkdtemp(join(tmpdir(), 'signalbox-etcd-'))
  const [url, peers] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`]
  const options = {
    'data-dir': directory,
    'listen-client-urls': url,
    'advertise-client-urls': url,
    'listen-peer-urls': peers,
    'initial-advertise-peer-urls': peers,
    'initial-cluster': `default=${peers}`,
    'log-level': 'fatal',
  }
  const args = Object.entries(options).map(([name, value]) => `--${name}=${value}`)
  const child = spawn('etcd', args, { stdio: 'ignore' })
  const ended = Promise.race([once(child, 'exit'), once(child, 'error')]).catch(() => {})
  const stop = async (): Promise<void> => {
    if (child.pid !== undefined && child.kill()) await ended
    await rm(directory, { recursive: true, force: true })
  }
  const untilMs = performance.now() + 10_000
  // Without a pid it was never started.
  while (child.pid !== undefined && child.exitCode === null && performance.now() < untilMs) {
    if (await isHealthy(url)) return { url, stop }
    await sleep(50)
  }
  await stop()
  return null
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health`)).ok
  } catch {
    return false
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('A TCP server has an address with a port.')
  return address.port
}
