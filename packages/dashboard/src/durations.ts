/** For people: `0.4 s`, `12 s`, `3 min 5 s`, `2 h 4 min`, `3 d 7 h`. */
export function durationText(ms: number): string {
  if (ms < 0) return '0 s'
  if (ms < 950) return ms < 50 ? '0 s' : `${(ms / 1_000).toFixed(1)} s`
  const seconds = Math.round(ms / 1_000)
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3_600) return pair(seconds, 60, 'min', 's')
  if (seconds < 86_400) return pair(Math.floor(seconds / 60), 60, 'h', 'min')
  return pair(Math.floor(seconds / 3_600), 24, 'd', 'h')
}

function pair(count: number, per: number, large: string, small: string): string {
  const rest = count % per
  return rest === 0 ? `${Math.floor(count / per)} ${large}` : `${Math.floor(count / per)} ${large} ${rest} ${small}`
}

/** A rate: one decimal where it says something. */
export function rateText(perS: number): string {
  return perS === 0 ? '0' : perS < 10 ? perS.toFixed(1) : String(Math.round(perS))
}

/**
 * A point in time of the store's clock, as this browser's language and time zone write it: for people, never to be counted with.
 * With its date where that is not today's: a lease that was taken yesterday looks, by its time alone, like one of this morning.
 */
export function localTime(instant: string, now = new Date()): string {
  const at = new Date(instant)
  return at.toDateString() === now.toDateString()
    ? at.toLocaleTimeString()
    : at.toLocaleString(undefined, { dateStyle: 'short', timeStyle: 'medium' })
}
