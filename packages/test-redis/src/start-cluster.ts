import { type Access, schemeAndLogin } from './access.js'
import type { Launcher } from './launcher.js'
import { busArguments } from './local-redis.js'
import { ask, untilAnswer } from './resp-probe.js'
import { startLauncher } from './server-program.js'
import { serverArguments } from './test-redis.js'
import type { TestRedis } from './test-redis.js'

const host = '127.0.0.1'
const slots = 16_384

export interface TestClusterNode extends TestRedis {
  readonly id: string
}

export interface TestCluster {
  readonly url: string
  /** In the order of their slots, which are shared out evenly. */
  readonly primaries: readonly TestClusterNode[]
  /** One of each primary, in the same order. */
  readonly replicas: readonly TestClusterNode[]
  stop(): Promise<void>
}

export interface ClusterOptions {
  readonly primaries?: number
  /** Whether each primary has a Redis replica, which takes its place when it dies. */
  readonly withReplicas?: boolean
  readonly access?: Access
}

export async function startCluster(options: ClusterOptions = {}): Promise<TestCluster> {
  const { primaries = 3, withReplicas = false, access = {} } = options
  const count = withReplicas ? 2 * primaries : primaries
  const launcher = await startLauncher(count)
  const nodes: TestClusterNode[] = []
  try {
    // One after the other: two that look for a free port at the same time may find the same.
    for (let started = 0; started < count; started += 1) nodes.push(await startNode(launcher, access))
    await introduce(nodes)
    const [first, second] = [nodes.slice(0, primaries), nodes.slice(primaries)]
    await shareSlotsOut(first)
    await Promise.all(nodes.map((node) => untilAnswer(node, 'CLUSTER INFO', /cluster_state:ok/)))
    await Promise.all(second.map((node, index) => replicate(node, first[index])))
    const url = `${schemeAndLogin(access, '-cluster')}${nodes.map(({ port }) => `${host}:${port}`).join(',')}`
    return { url, primaries: first, replicas: second, stop: () => launcher.stop() }
  } catch (error) {
    await launcher.stop()
    throw error
  }
}

async function startNode(launcher: Launcher, access: Access): Promise<TestClusterNode> {
  const config = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000', '--repl-diskless-sync-delay', '0']
  const { tls, password } = access
  const between = [
    ...(tls === undefined ? [] : ['--tls-cluster', 'yes']),
    ...(password === undefined ? [] : ['--masterauth', password]),
  ]
  const bus = await busArguments()
  const server = await launcher.start({
    argumentsAt: () => [...bus, ...serverArguments({ config: [...config, ...between] })],
    access,
  })
  const id = /[0-9a-f]{40}/.exec(await ask(server, 'CLUSTER MYID'))?.[0]
  if (id === undefined) throw new Error(`The node at ${host}:${server.port} has no id.`)
  return { ...server, id }
}

async function introduce(nodes: readonly TestClusterNode[]): Promise<void> {
  const [first, ...others] = nodes
  if (first === undefined) return
  // Two nodes of one epoch would have to settle who may keep it.
  for (const [index, node] of nodes.entries()) await ask(node, `CLUSTER SET-CONFIG-EPOCH ${index + 1}`)
  for (const node of others) {
    const bus = /@(\d+)/.exec(await ask(node, 'CLUSTER NODES'))?.[1]
    await ask(first, `CLUSTER MEET ${host} ${node.port} ${bus}`)
  }
  const all = new RegExp(`cluster_known_nodes:${nodes.length}\\r`)
  await Promise.all(nodes.map((node) => untilAnswer(node, 'CLUSTER INFO', all)))
}

async function shareSlotsOut(primaries: readonly TestClusterNode[]): Promise<void> {
  const bounds = primaries.map((_, index) => Math.floor((index * slots) / primaries.length))
  for (const [index, node] of primaries.entries()) {
    const [from = 0, to = slots] = [bounds[index], bounds[index + 1]]
    const answer = await ask(node, `CLUSTER ADDSLOTSRANGE ${from} ${to - 1}`)
    if (!answer.startsWith('+OK')) throw new Error(`No slots: ${answer.trim()}`)
  }
}

async function replicate(replica: TestClusterNode, primary: TestClusterNode | undefined): Promise<void> {
  if (primary === undefined) return
  await untilAnswer(replica, `CLUSTER REPLICATE ${primary.id}`, /^\+OK/)
  await untilAnswer(replica, 'INFO replication', /master_link_status:up/)
  await untilAnswer(primary, 'INFO replication', /state=online/)
}
