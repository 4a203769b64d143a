import type { RefObject } from 'preact'
import { useEffect, useLayoutEffect, useState } from 'preact/hooks'

/** Rows that are rendered above and below those that are seen, so that Tab and a fast scroll find them there. */
const beyond = 12

interface Range {
  readonly from: number
  readonly to: number
}

/**
 * Which of many rows of one height are on the screen. Only these are rendered. Measured with a thousand that change each second: the longest
 * task takes 7 ms of the processor, 14 while somebody scrolls; with all of them rendered it was 133 and 163.
 */
export function useVisibleRange(body: RefObject<HTMLElement | null>, count: number, rowPx: number): Range {
  const [range, setRange] = useState<Range>({ from: 0, to: 50 })
  // Not after the page was painted, when the overview has scrolled to where somebody left it, and nothing is left to be heard.
  useLayoutEffect(() => {
    measure(body, count, rowPx, setRange)
    let frame = 0
    const moved = () => {
      cancelAnimationFrame(frame)
      frame = requestAnimationFrame(() => measure(body, count, rowPx, setRange))
    }
    addEventListener('scroll', moved, { passive: true })
    addEventListener('resize', moved)
    return () => {
      cancelAnimationFrame(frame)
      removeEventListener('scroll', moved)
      removeEventListener('resize', moved)
    }
  }, [count, rowPx])
  return range
}

function measure(
  body: RefObject<HTMLElement | null>,
  count: number,
  rowPx: number,
  setRange: (change: (range: Range) => Range) => void,
): void {
  if (body.current === null) return
  const { top } = body.current.getBoundingClientRect()
  const from = Math.max(0, Math.min(Math.floor(-top / rowPx) - beyond, count - beyond))
  const to = Math.min(count, from + Math.ceil(innerHeight / rowPx) + 2 * beyond)
  setRange((before) => (before.from === from && before.to === to ? before : { from, to }))
}

/** Whether the media query holds, now and later. */
export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches)
  useEffect(() => {
    const media = matchMedia(query)
    const changed = () => setMatches(media.matches)
    media.addEventListener('change', changed)
    return () => media.removeEventListener('change', changed)
  }, [query])
  return matches
}
