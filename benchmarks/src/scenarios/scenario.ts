import type { Cell, Findings } from '../figures.js'
import type { Stage } from '../stage.js'
import { sampleOf } from '../statistics.js'

export interface Scenario {
  /** Of `--only`. */
  readonly name: string
  readonly title: string
  /** The metric that its chart shows. */
  readonly charted: string
  run(stage: Stage): Promise<Findings>
}

/** The cells of one contestant at one size: what was measured in each round, by metric. */
export function cellsOf<Metric extends string>(
  at: string,
  who: string,
  rounds: readonly Readonly<Record<Metric, number>>[],
  metrics: readonly Metric[],
): Cell[] {
  return metrics.flatMap((metric) => {
    const values = rounds.map((round) => round[metric]).filter(Number.isFinite)
    return values.length === 0 ? [] : [{ at, who, metric, sample: sampleOf(values) }]
  })
}
