import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { useMedia } from '../overview/use-visible-range.js'

export interface Line {
  readonly title: string
  readonly values: readonly (number | null)[]
  /** A custom property of the style sheet. */
  readonly colour: string
  readonly isFilled?: boolean
  readonly isDashed?: boolean
}

interface Props {
  /** In seconds before now. */
  readonly x: readonly number[]
  /** How much of the past is shown. */
  readonly spanMs: number
  readonly lines: readonly Line[]
}

const heightPx = 150

/** Steps, not slopes: a count stays what it is until it changes. To a screen reader it is nothing; a sentence stands beside it. */
export function Chart({ x, spanMs, lines }: Props) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const isDark = useMedia('(prefers-color-scheme: dark)')
  const data: uPlot.AlignedData = [[...x], ...lines.map(({ values }) => [...values])]

  useEffect(() => {
    const element = place.current
    if (element === null) return undefined
    const made = new uPlot(optionsOf(element, lines, spanMs / 1_000), data, element)
    plot.current = made
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: heightPx }))
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
      plot.current = null
    }
    // Colours and span are read once, so with others the chart is made anew.
  }, [isDark, spanMs])
  useEffect(() => plot.current?.setData(data), [x])

  return (
    <div class="chart" aria-hidden="true">
      <div class="legend">
        {lines.map(({ title, colour, isDashed = false }) => (
          <span key={title} class={isDashed ? 'key key-dashed' : 'key'} style={{ '--colour': `var(${colour})` }}>
            {title}
          </span>
        ))}
      </div>
      <div ref={place} />
    </div>
  )
}

function optionsOf(element: HTMLElement, lines: readonly Line[], spanS: number): uPlot.Options {
  const style = getComputedStyle(element)
  const colourOf = (property: string) => style.getPropertyValue(property).trim()
  const axis: uPlot.Axis = {
    stroke: colourOf('--quiet'),
    font: `12px ${style.fontFamily}`,
    grid: { stroke: colourOf('--line'), width: 1 },
    ticks: { show: false },
  }
  const stepped = uPlot.paths.stepped?.({ align: 1 })
  return {
    width: element.clientWidth,
    height: heightPx,
    padding: [8, 12, 0, 0],
    cursor: { show: false },
    legend: { show: false },
    scales: {
      x: { time: false, range: [-spanS, 0] },
      y: { range: (_plot, _min, max) => [0, Math.max(1, max) * 1.08] },
    },
    axes: [
      {
        ...axis,
        size: 28,
        splits: splitsOf(spanS),
        values: (_plot, splits) => splits.map(agoText),
      },
      {
        ...axis,
        size: (_plot, labels: string[] | null) => axisPx(labels ?? []),
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 100_000, 500_000],
      },
    ],
    series: [
      {},
      ...lines.map(({ title, colour, isFilled = false, isDashed = false }) => ({
        label: title,
        stroke: colourOf(colour),
        width: isDashed ? 1.5 : 2,
        ...(isFilled ? { fill: colourOf(`${colour}-fill`) } : {}),
        ...(isDashed ? { dash: [6, 4] } : {}),
        ...(stepped === undefined ? {} : { paths: stepped }),
        points: { show: false },
      })),
    ],
  }
}

/** As wide as its longest number: cut off at the left, 1,000,000 would read 000. */
function axisPx(labels: readonly string[]): number {
  const digitPx = 8
  return Math.max(48, 16 + digitPx * Math.max(...labels.map(({ length }) => length)))
}

function splitsOf(spanS: number): number[] {
  const everyS = spanS > 120 ? 60 : spanS / 4
  return Array.from({ length: spanS / everyS + 1 }, (_, place) => place * everyS - spanS)
}

function agoText(seconds: number): string {
  if (seconds === 0) return 'now'
  return seconds % 60 === 0 ? `−${-seconds / 60} min` : `−${-seconds} s`
}
