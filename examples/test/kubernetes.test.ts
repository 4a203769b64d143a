import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, inject, onTestFinished, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { startService } from '../../scripts/service.mjs'
import { makeApiKey } from '@signalbox/semaphore-service'
import { readConfig } from '../../services/semaphore/src/config.js'

// The manifests against the service itself: every variable is one of its own, with a value that it takes; what the probes ask for is there; and what
// refers to something else finds it. Whether a cluster takes them is for a cluster to say.

const probe = z.strictObject({
  httpGet: z.strictObject({ path: z.string(), port: z.string() }),
  periodSeconds: z.number(),
  timeoutSeconds: z.number(),
  failureThreshold: z.number(),
})
const variable = z.union([
  z.strictObject({ name: z.string(), value: z.string() }),
  z.strictObject({
    name: z.string(),
    valueFrom: z.strictObject({ secretKeyRef: z.strictObject({ name: z.string(), key: z.string() }) }),
  }),
])
const labels = z.record(z.string(), z.string())
const deploymentSchema = z.object({
  apiVersion: z.literal('apps/v1'),
  kind: z.literal('Deployment'),
  metadata: z.object({ name: z.string() }),
  spec: z.strictObject({
    replicas: z.number(),
    selector: z.strictObject({ matchLabels: labels }),
    strategy: z.object({}),
    template: z.strictObject({
      metadata: z.strictObject({ labels }),
      spec: z.strictObject({
        automountServiceAccountToken: z.literal(false),
        topologySpreadConstraints: z.array(z.object({ labelSelector: z.object({ matchLabels: labels }) })),
        terminationGracePeriodSeconds: z.number(),
        volumes: z.array(
          z.strictObject({
            name: z.string(),
            secret: z.strictObject({
              secretName: z.string(),
              items: z.array(z.strictObject({ key: z.string(), path: z.string() })),
            }),
          }),
        ),
        containers: z.tuple([
          z.strictObject({
            name: z.string(),
            image: z.string(),
            ports: z.tuple([z.strictObject({ name: z.string(), containerPort: z.number() })]),
            env: z.array(variable),
            volumeMounts: z.array(
              z.strictObject({ name: z.string(), mountPath: z.string(), readOnly: z.literal(true) }),
            ),
            readinessProbe: probe,
            livenessProbe: probe,
            lifecycle: z.strictObject({
              preStop: z.strictObject({
                exec: z.strictObject({ command: z.tuple([z.literal('sleep'), z.string()]) }),
              }),
            }),
            resources: z.object({}),
            securityContext: z.object({ runAsNonRoot: z.literal(true), readOnlyRootFilesystem: z.literal(true) }),
          }),
        ]),
      }),
    }),
  }),
})
const budgetSchema = z.object({
  apiVersion: z.literal('policy/v1'),
  kind: z.literal('PodDisruptionBudget'),
  spec: z.strictObject({
    maxUnavailable: z.number(),
    selector: z.strictObject({ matchLabels: labels }),
  }),
})
const serviceSchema = z.object({
  apiVersion: z.literal('v1'),
  kind: z.literal('Service'),
  spec: z.strictObject({
    selector: labels,
    ports: z.tuple([z.strictObject({ name: z.string(), port: z.number(), targetPort: z.string() })]),
  }),
})

const scrapeSchema = z.strictObject({
  scrape_configs: z.tuple([
    z.strictObject({
      job_name: z.string(),
      authorization: z.strictObject({ credentials_file: z.string() }),
      kubernetes_sd_configs: z.tuple([z.strictObject({ role: z.literal('pod') })]),
      relabel_configs: z.tuple([
        z.strictObject({ source_labels: z.array(z.string()), regex: z.string(), action: z.literal('keep') }),
      ]),
    }),
  ]),
})

async function documents(name: string): Promise<unknown[]> {
  const text = await readFile(new URL(`../kubernetes/${name}`, import.meta.url), 'utf8')
  const parsed = parseAllDocuments(text, { strict: true, uniqueKeys: true })
  if (!Array.isArray(parsed)) throw new Error(`${name} is empty`)
  expect(parsed.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([])
  return parsed.map((document) => document.toJS() as unknown)
}

async function manifests() {
  const [deployment, budget, ...rest] = await documents('deployment.yaml')
  const [service, ...more] = await documents('service.yaml')
  expect([...rest, ...more]).toEqual([])
  return {
    deployment: deploymentSchema.parse(deployment),
    budget: budgetSchema.parse(budget),
    service: serviceSchema.parse(service),
  }
}

/** The environment that the container would have, the file of keys in a directory of the test's. */
async function environmentOf(env: z.infer<typeof variable>[], secrets: Record<string, string>) {
  const directory = await mkdtemp(join(tmpdir(), 'signalbox-manifest-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  await writeFile(join(directory, 'api-keys'), secrets['api-keys'] ?? '')
  return Object.fromEntries(
    env.map((one) => {
      if ('valueFrom' in one) return [one.name, secrets[one.valueFrom.secretKeyRef.key]]
      return [one.name, one.value.replace('/etc/signalbox', directory)]
    }),
  )
}

test('what refers to something finds it', async () => {
  const { deployment, budget, service } = await manifests()
  const { template, selector, replicas } = deployment.spec
  const { spec } = template
  const [container] = spec.containers
  expect(replicas).toBe(3)
  expect(template.metadata.labels).toEqual(selector.matchLabels)
  expect([service.spec.selector, budget.spec.selector.matchLabels]).toEqual([
    selector.matchLabels,
    selector.matchLabels,
  ])
  expect(spec.topologySpreadConstraints[0]?.labelSelector.matchLabels).toEqual(selector.matchLabels)
  const [port] = container.ports
  expect([container.readinessProbe.httpGet.port, container.livenessProbe.httpGet.port]).toEqual([port.name, port.name])
  expect(service.spec.ports[0].targetPort).toBe(port.name)
  expect(container.volumeMounts.map(({ name }) => name)).toEqual(spec.volumes.map(({ name }) => name))
  const keysFile = container.env.find(({ name }) => name === 'SIGNALBOX_API_KEYS_FILE')
  const [volume] = spec.volumes
  const [mount] = container.volumeMounts
  expect(keysFile).toMatchObject({ value: `${mount?.mountPath}/${volume?.secret.items[0]?.path}` })
})

test('the service takes its variables, and its probes and times fit them', async () => {
  const { deployment } = await manifests()
  const { terminationGracePeriodSeconds, containers } = deployment.spec.template.spec
  const [container] = containers
  const { line } = makeApiKey({ name: 'test', scopes: ['acquire'], prefix: '' })
  const env = await environmentOf(container.env, { 'redis-url': 'redis://redis:6379', 'api-keys': `${line}\n` })
  const config = readConfig(env)

  expect(config.warnings).toEqual([])
  expect([config.host, config.port]).toEqual(['0.0.0.0', container.ports[0].containerPort])
  expect(config.keyFile).not.toBeNull()
  const preStopMs = Number(container.lifecycle.preStop.exec.command[1]) * 1_000
  expect(terminationGracePeriodSeconds * 1_000).toBeGreaterThan(preStopMs + config.stopGraceMs)
  expect(container.readinessProbe.timeoutSeconds * 1_000).toBeGreaterThan(config.commandTimeoutMs)
})

test('three replicas with these variables answer the probes and share what they count', async () => {
  const { deployment } = await manifests()
  const { replicas, template } = deployment.spec
  const [container] = template.spec.containers
  const { key, line } = makeApiKey({ name: 'test', scopes: ['acquire'], prefix: '' })
  // A cluster gives each pod an address of its own; this machine has one, and so a port for each.
  const variables = container.env.filter(({ name }) => name !== 'PORT')
  const env = await environmentOf(variables, { 'redis-url': inject('redisUrl'), 'api-keys': `${line}\n` })
  const own = { ...env, HOST: '127.0.0.1', SIGNALBOX_KEY_PREFIX: `manifest-${process.pid}:` }
  const services = await Promise.all(Array.from({ length: replicas }, () => startService(own)))
  onTestFinished(async () => {
    await Promise.all(services.map((service) => service.stop()))
  })
  const acquire = { create: { limit: 2 } }
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const statuses: number[] = []
  for (const { url } of services) {
    for (const { httpGet } of [container.readinessProbe, container.livenessProbe]) {
      expect((await fetch(`${url}${httpGet.path}`)).status).toBe(200)
    }
    const request = { method: 'POST', headers, body: JSON.stringify(acquire) }
    statuses.push((await fetch(`${url}/v1/semaphores/shared/acquire`, request)).status)
  }
  expect(statuses).toEqual([200, 200, 429])
})

test('the scrape finds the replicas, and a key as its comment makes it opens /metrics', async () => {
  const { deployment } = await manifests()
  const text = await readFile(new URL('../../deploy/prometheus/scrape.yml', import.meta.url), 'utf8')
  const [scrape] = scrapeSchema.parse(parse(text)).scrape_configs
  const [keep] = scrape.relabel_configs
  const [port] = deployment.spec.template.spec.containers[0].ports
  // Prometheus joins what the labels say by semicolons, and the expression has to match all of it.
  expect(keep.source_labels).toEqual([
    '__meta_kubernetes_pod_label_app_kubernetes_io_name',
    '__meta_kubernetes_pod_container_port_name',
  ])
  const podHas = [deployment.spec.template.metadata.labels['app.kubernetes.io/name'], port.name]
  expect(podHas.join(';')).toMatch(new RegExp(`^(?:${keep.regex})$`))

  const [, scope = '', name = ''] = /keygen -- --scope (\w+) --name (\w+)/.exec(text) ?? []
  const { key, line } = makeApiKey({
    name,
    scopes: z.array(z.enum(['acquire', 'inspect', 'admin'])).parse([scope]),
    prefix: '',
  })
  const service = await startService({
    REDIS_URL: inject('redisUrl'),
    SIGNALBOX_KEY_PREFIX: `scrape-${process.pid}:`,
    SIGNALBOX_API_KEYS: line,
  })
  onTestFinished(() => service.stop())
  const withKey = await fetch(`${service.url}/metrics`, { headers: { authorization: `Bearer ${key}` } })
  const without = await fetch(`${service.url}/metrics`)
  expect([withKey.status, without.status]).toEqual([200, 401])
})
