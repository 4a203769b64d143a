import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRedisStore } from '@signalbox/engine'
import type { Metrics } from '@signalbox/semaphore-service'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { parse } from 'yaml'
import { shapesOf } from './metric-shapes.js'
import { openService } from './open-service.js'

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly {
      readonly alert: string
      readonly expr: string
      readonly labels: { readonly severity: string }
      readonly annotations: { readonly summary: string }
    }[]
  }[]
}
interface Dashboard {
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] }
  readonly annotations: { readonly list: readonly { readonly expr: string }[] }
  readonly panels: readonly {
    readonly id: number
    readonly title: string
    readonly gridPos: { readonly x: number; readonly w: number }
    readonly targets?: readonly { readonly expr: string }[]
  }[]
}

const fileOf = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')
const operations = fileOf('docs/operations.md')
const alerts = (parse(fileOf('deploy/prometheus/alerts.yml')) as Rules).groups.flatMap(({ rules }) => rules)
const dashboard = JSON.parse(fileOf('deploy/grafana/signalbox.json')) as Dashboard
const asked = [
  ...alerts.map(({ alert, expr }) => ({ where: alert, expr })),
  ...dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ where: title, expr }))),
  ...dashboard.templating.list.map(({ name, definition = '' }) => ({ where: `$${name}`, expr: definition })),
  ...dashboard.annotations.list.map(({ expr }) => ({ where: 'annotation', expr })),
]

/** Every series of /metrics with its labels. */
const served = new Map<string, ReadonlySet<string>>()
/** What Prometheus adds. */
const ofTheScrape = ['job', 'instance']

let close = (): Promise<void> => Promise.resolve()
afterAll(() => close())

beforeAll(async () => {
  let metrics: Metrics | null = null
  const store = createRedisStore({
    url: inject('redisUrl'),
    keyPrefix: `deploy-${randomUUID()}:`,
    settings: { idleMs: 60_000 },
    observer: {
      called: (event) => metrics?.observer.called(event),
      expired: (event) => metrics?.observer.expired(event),
    },
  })
  await vi.waitFor(() => store.ping())
  const service = openService({ store }, (closing) => (close = closing))
  metrics = service.metrics
  metrics.storeWarned([])
  await service.acquire('a', { create: { limit: 1 } })
  await service.acquire('a')
  const { body } = await service.call('GET', '/metrics')
  for (const { name, type, labels } of shapesOf(body)) {
    const all = new Set([...labels, ...ofTheScrape])
    if (type !== 'histogram') served.set(name, all)
    else {
      served.set(`${name}_bucket`, new Set([...all, 'le']))
      for (const suffix of ['sum', 'count']) served.set(`${name}_${suffix}`, all)
    }
  }
})

/** What an expression asks of each metric: the labels that it selects by. */
function selectorsOf(expr: string) {
  return [...expr.matchAll(/\b(signalbox_\w+)(?:\{([^}]*)\})?/g)].map(([, name = '', matchers = '']) => ({
    name,
    labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map((match) => match[1] ?? ''),
  }))
}

test.each(asked.filter(({ expr }) => expr !== ''))('$where asks for what /metrics serves: $expr', ({ expr }) => {
  const selectors = selectorsOf(expr)
  expect(selectors).not.toEqual([])
  const known = selectors.map(({ name }) => served.get(name))
  expect(selectors.filter(({ name }) => !served.has(name))).toEqual([])
  for (const [index, { labels }] of selectors.entries()) {
    for (const label of labels) expect([...(known[index] ?? [])]).toContain(label)
  }
  // What it groups by must be in the first, or it would be one group without a name.
  const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap((match) => (match[1] ?? '').split(/,\s*/))
  for (const label of grouped) expect([...(known[0] ?? [])]).toContain(label)
})

test('docs/operations.md says of every alert what it means, and of no other', () => {
  const rows = [...operations.matchAll(/^\| `(Signalbox\w+)` \|/gm)].map((match) => match[1])
  expect(rows.sort()).toEqual(alerts.map(({ alert }) => alert).sort())
  for (const { alert, labels, annotations } of alerts) {
    expect([alert, labels.severity]).toEqual([alert, expect.stringMatching(/^(?:warning|critical)$/)])
    expect(annotations.summary).not.toBe('')
  }
})

test('a summary names no label that its expression has dropped', () => {
  for (const { alert, expr, annotations } of alerts) {
    const named = [...annotations.summary.matchAll(/\$labels\.(\w+)/g)].map((match) => match[1] ?? '')
    const grouped = /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(/,\s*/)
    const left = grouped ?? [...(served.get(selectorsOf(expr)[0]?.name ?? '') ?? [])]
    for (const label of named) expect([alert, left]).toEqual([alert, expect.arrayContaining([label])])
  }
})

test('panels have ids of their own, and stay inside of the page', () => {
  const ids = dashboard.panels.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  for (const { gridPos } of dashboard.panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
})
