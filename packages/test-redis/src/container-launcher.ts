import { networkInterfaces } from 'node:os'
import { accessArguments, accessFiles, schemeAndLogin } from './access.js'
import { containerImage } from './container-redis.js'
import { freePort } from './free-port.js'
import type { Launch, Launcher } from './launcher.js'
import { untilItAnswers } from './resp-probe.js'
import type { TestRedis } from './test-redis.js'

const host = '127.0.0.1'
const startMs = 90_000
/** The machine that the engine is on, as those in a container call it. */
const machine = 'host.docker.internal'

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
    .withExtraHosts([{ host: machine, ipAddress: 'host-gateway' }])
    .withCommand(['tail', '-f', '/dev/null'])
    // Not for its ports: nobody listens there yet.
    .withWaitStrategy(Wait.forSuccessfulCommand('true'))
    .withStartupTimeout(startMs)
    .start()

  async function run(...command: string[]): Promise<string> {
    const { exitCode, output } = await container.exec(command)
    if (exitCode !== 0) throw new Error(`${command.join(' ')} ended with ${exitCode}: ${output.trim()}`)
    return output
  }

  async function start(launch: Launch): Promise<TestRedis> {
    const port = ports.pop()
    if (port === undefined) throw new Error(`The container was made for ${servers} servers.`)
    const folder = `/tmp/${port}`
    const at = { port, folder }
    const { access = {} } = launch
    const signal = async (name: string): Promise<void> => {
      await run('sh', '-c', `kill -${name} "$(cat ${folder}/pid)"`)
    }
    const launchOnce = async (): Promise<void> => {
      await run('mkdir', '-p', folder)
      for (const [name, text] of Object.entries({ ...accessFiles(access), ...launch.files }))
        await run('sh', '-c', 'printf "%s" "$2" >"$1"', 'sh', `${folder}/${name}`, text)
      const place = ['--bind', '0.0.0.0', '--protected-mode', 'no', '--dir', folder]
      const daemon = ['--daemonize', 'yes', '--pidfile', `${folder}/pid`]
      await run('redis-server', ...(await launch.argumentsAt(at)), ...accessArguments(access, at), ...place, ...daemon)
      await untilItAnswers({ host, port, access }, () => true)
      await launch.untilUseful?.(port)
    }
    const kill = async (): Promise<void> => {
      await signal('KILL')
      // Nobody in there collects the dead.
      await run('sh', '-c', `while grep -q '^State:.*[RSDT]' "/proc/$(cat ${folder}/pid)/status"; do sleep 0.01; done`)
    }
    await launchOnce()
    return {
      url: `${schemeAndLogin(access, '')}${host}:${port}`,
      host,
      port,
      access,
      source: `${containerImage()} (Docker)`,
      pause: () => signal('STOP'),
      resume: () => signal('CONT'),
      kill,
      restart: launchOnce,
      stop: () => kill().catch(() => undefined),
    }
  }

  return {
    outside: { listenAt: listeningAddress(await run('grep', machine, '/etc/hosts')), foundAt: machine },
    start,
    stop: async () => {
      await container.stop()
    },
  }
}

/** A bridge of this machine's own; or none, where the engine lives in a virtual machine, which finds what listens on the loopback. */
function listeningAddress(hosts: string): string {
  const [gateway = ''] = hosts.trim().split(/\s/)
  const own = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses.map(({ address }) => address))
  return own.includes(gateway) ? gateway : host
}
