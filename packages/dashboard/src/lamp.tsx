import { aspectTexts, type Aspect } from './aspect.js'

const lit: Readonly<Record<Aspect, number>> = { queue: 0, closed: 0, full: 1, free: 2 }

/** A signal head. Which of its lamps is lit says as much as the colour does. */
export function Lamp({ aspect }: { readonly aspect: Aspect }) {
  return (
    <span class={`lamp lamp-${aspect}`}>
      <svg viewBox="0 0 10 26" width="10" height="26" aria-hidden="true">
        <rect class="lamp-head" width="10" height="26" rx="5" />
        {[5, 13, 21].map((y, place) => (
          <circle key={y} cx="5" cy={y} r="3" class={place === lit[aspect] ? 'lamp-lit' : 'lamp-dark'} />
        ))}
      </svg>
      <span class="lamp-text">{aspectTexts[aspect]}</span>
    </span>
  )
}
