import { containerImage } from './container-redis.js'
import { freePort } from './free-port.js'
import type { Launch, Launcher } from './launcher.js'
import { untilItAnswers } from './resp-probe.js'
import type { TestRedis } from './test-redis.js'

const host = '127.0.0.1'
const startMs = 90_000

/**
 * All servers in one container, whose ports are published as they are: so what the servers tell each other of where they are is true
 * for those outside as well.
 */
export async function startContainerLauncher(servers: number): Promise<Launcher> {
  const { GenericContainer, Wait } = await import('testcontainers')
  const ports: number[] = []
  while (ports.length < servers) {
    const port = await freePort(host)
    if (!ports.includes(port)) ports.push(port)
  }
  const container = await new GenericContainer(containerImage())
    .withExposedPorts(...ports.map((port) => ({ container: port, host: port })))
    .withCommand(['tail', '-f', '/dev/null'])
    // Not for its ports: nobody listens there yet.
    .withWaitStrategy(Wait.forSuccessfulCommand('true'))
    .withStartupTimeout(startMs)
    .start()

  async function run(...command: string[]): Promise<void> {
    const { exitCode, output } = await container.exec(command)
    if (exitCode !== 0) throw new Error(`${command.join(' ')} ended with ${exitCode}: ${output.trim()}`)
  }

  async function start(launch: Launch): Promise<TestRedis> {
    const port = ports.pop()
    if (port === undefined) throw new Error(`The container was made for ${servers} servers.`)
    const folder = `/tmp/${port}`
    const signal = (name: string): Promise<void> => run('sh', '-c', `kill -${name} "$(cat ${folder}/pid)"`)
    const launchOnce = async (): Promise<void> => {
      const { name, text } = launch.file ?? { name: 'unused', text: '' }
      await run('sh', '-c', 'mkdir -p "$1" && printf "%s" "$3" >"$1/$2"', 'sh', folder, name, text)
      const place = ['--port', String(port), '--bind', '0.0.0.0', '--protected-mode', 'no', '--dir', folder]
      const daemon = ['--daemonize', 'yes', '--pidfile', `${folder}/pid`]
      await run('redis-server', ...(await launch.argumentsAt({ port, folder })), ...place, ...daemon)
      await untilItAnswers(host, port, () => true)
      await launch.untilUseful?.(port)
    }
    const kill = async (): Promise<void> => {
      await signal('KILL')
      // Nobody in there collects the dead.
      await run('sh', '-c', `while grep -q '^State:.*[RSDT]' "/proc/$(cat ${folder}/pid)/status"; do sleep 0.01; done`)
    }
    await launchOnce()
    return {
      url: `redis://${host}:${port}`,
      host,
      port,
      source: `${containerImage()} (Docker)`,
      pause: () => signal('STOP'),
      resume: () => signal('CONT'),
      kill,
      restart: launchOnce,
      stop: () => kill().catch(() => undefined),
    }
  }

  return {
    start,
    stop: async () => {
      await container.stop()
    },
  }
}
