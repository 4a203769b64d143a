export interface MetricShape {
  readonly name: string
  readonly type: string
  /** Without a histogram's `le`; of a metric that has no series yet, none. */
  readonly labels: readonly string[]
}

/** What a text of metrics says of each. */
export function shapesOf(text: string): MetricShape[] {
  return [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => {
    const suffix = type === 'histogram' ? '_bucket' : ''
    const labels = new RegExp(`^${name}${suffix}\\{(.*)\\} `, 'm').exec(text)?.[1] ?? ''
    const labelNames = [...labels.matchAll(/(\w+)="/g)].map((match) => match[1] ?? '')
    return { name, type, labels: labelNames.filter((label) => label !== 'le').sort() }
  })
}
