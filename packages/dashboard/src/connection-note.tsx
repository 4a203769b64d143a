import { durationText } from './durations.js'
import { useNowMs } from './live/changes.js'
import type { Connection } from './live/follow.js'

/** Whether what is shown is live; and if not, why, and when it is tried again. */
export function ConnectionNote({ connection }: { readonly connection: Connection }) {
  return (
    <span class={`connection connection-${connection.kind}`}>
      {/* The countdown is beside the status: read aloud each second it would drown all else. */}
      <span role="status">
        {connection.kind === 'live' && 'Live'}
        {connection.kind === 'connecting' && 'Connecting …'}
        {connection.kind === 'lost' && `Not live: ${connection.detail}`}
      </span>
      {connection.kind === 'lost' && <Retry atMs={connection.retryAtMs} />}
    </span>
  )
}

function Retry({ atMs }: { readonly atMs: number | null }) {
  const nowMs = useNowMs()
  return <span class="retry">{atMs === null ? 'Trying again …' : `Trying again in ${durationText(atMs - nowMs)}`}</span>
}
