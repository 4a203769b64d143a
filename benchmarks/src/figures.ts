import type { Sample } from './statistics.js'

/** What the project promises of itself (README, "Figures"). Never a test: a shared machine is slow when it likes. */
export const goals = {
  http_ratio: { unit: 'ratio', goal: 0.6, better: 'higher', says: 'acquire + release over HTTP, to a Fastify no-op' },
  handoff_engine_p50_ms: { unit: 'ms', goal: 1, better: 'lower', says: 'release to next grant, in process, p50' },
  handoff_http_p50_ms: { unit: 'ms', goal: 3, better: 'lower', says: 'release to next grant, HTTP, p50' },
  handoff_sdk_p50_ms: { unit: 'ms', goal: 3, better: 'lower', says: 'release to next grant, SDK, p50' },
  idle_commands_per_s: { unit: '1/s', goal: 1, better: 'lower', says: 'Redis commands sent for 1,000 idle waiters' },
  engine_vs_redis_semaphore: {
    unit: 'ratio',
    goal: 1,
    better: 'higher',
    says: 'acquire + release in process, to redis-semaphore',
  },
} as const

export type FigureId = keyof typeof goals

/** `id` where there is a goal; else what it is compared with. */
export interface Row {
  readonly id: FigureId | null
  readonly what: string
  readonly who: string
  readonly unit: string
  readonly sample: Sample
}

/** A row that has a goal. */
export function figure(id: FigureId, sample: Sample): Row {
  return { id, what: goals[id].says, who: 'Signalbox', unit: goals[id].unit, sample }
}

export function isReached(id: FigureId, value: number): boolean {
  return goals[id].better === 'higher' ? value >= goals[id].goal : value <= goals[id].goal
}
