/** Several values of one thing, and how far they lie apart. */
export interface Sample {
  readonly median: number
  readonly lowest: number
  readonly highest: number
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** The value that this share of the others does not exceed; between two of them, on the line that joins them. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  const place = share * (sorted.length - 1)
  const below = sorted[Math.floor(place)]
  const above = sorted[Math.ceil(place)]
  if (below === undefined || above === undefined) throw new Error('No values, no quantile.')
  return below + (above - below) * (place - Math.floor(place))
}

export function sampleOf(values: readonly number[]): Sample {
  return { median: median(values), lowest: Math.min(...values), highest: Math.max(...values) }
}
