import { useRef } from 'preact/hooks'
import type { OverviewFeed } from '../live/overview-feed.js'

/** Where there are more semaphores than the service tells of, somebody has to say which. */
export function Narrowing({ feed }: { readonly feed: OverviewFeed }) {
  const field = useRef<HTMLInputElement>(null)
  return (
    <form
      class="narrowing"
      onSubmit={(event) => {
        event.preventDefault()
        feed.start(field.current?.value ?? '')
      }}
    >
      {feed.truncated && <p>There are more semaphores than are shown here. Show those whose names begin with:</p>}
      <label>
        <span class={feed.truncated ? 'hidden' : ''}>Names begin with</span>
        <input
          ref={field}
          type="text"
          spellcheck={false}
          defaultValue={feed.prefix}
          pattern="[A-Za-z0-9][A-Za-z0-9._:\-]*"
        />
      </label>
      <button type="submit">Show</button>
    </form>
  )
}
