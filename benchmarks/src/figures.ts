import type { Sample } from './statistics.js'

/** What the project asks of itself. Never a test: a shared machine is slow when it likes. */
export const goals = {
  http_ratio: { unit: 'ratio', goal: 0.85, better: 'higher', says: 'HTTP ÷ Fastify no-op, 64 connections' },
  sdk_ratio: { unit: 'ratio', goal: 4, better: 'higher', says: 'SDK ÷ one HTTP request each, 512 in flight' },
  engine_vs_redis_semaphore: {
    unit: 'ratio',
    goal: 1.5,
    better: 'higher',
    says: 'in process ÷ redis-semaphore, 64 in flight',
  },
  handoff_engine_p50_ms: { unit: 'ms', goal: 0.2, better: 'lower', says: 'release to next grant, in process, p50' },
  handoff_http_p50_ms: { unit: 'ms', goal: 0.6, better: 'lower', says: 'release to next grant, HTTP, p50' },
  handoff_sdk_p50_ms: { unit: 'ms', goal: 0.6, better: 'lower', says: 'release to next grant, SDK, p50' },
  idle_commands_per_s: { unit: '1/s', goal: 2, better: 'lower', says: 'Redis commands sent for 1,000 idle waiters' },
  growth_ratio: {
    unit: 'ratio',
    goal: 1.3,
    better: 'lower',
    says: 'Redis time per operation: 100,000 leases or 10,000 waiters ÷ one',
  },
  mass_expiry_max_ms: { unit: 'ms', goal: 20, better: 'lower', says: 'slowest call while 20,000 leases end at once' },
  bytes_per_lease: { unit: 'bytes', goal: 200, better: 'lower', says: 'memory of Redis per lease' },
} as const

export type FigureId = keyof typeof goals

export interface Figure {
  readonly id: FigureId
  readonly sample: Sample
}

/** One value of a scenario's table: at what size, of whom, what. */
export interface Cell {
  readonly at: string
  readonly who: string
  readonly metric: string
  readonly sample: Sample
}

/** What a scenario found. What has no cell is left blank, and a note says why. */
export interface Findings {
  readonly figures: readonly Figure[]
  readonly cells: readonly Cell[]
  readonly notes: readonly string[]
}

export function isReached(id: FigureId, value: number): boolean {
  return goals[id].better === 'higher' ? value >= goals[id].goal : value <= goals[id].goal
}
