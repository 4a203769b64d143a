import { useEffect, useState } from 'preact/hooks'

/** Where in the page somebody is: at one semaphore, or (null) at the overview. */
export interface Place {
  readonly semaphore: string | null
}

/** Behind the `#`, so that the service has but one page to serve. A name is safe there as it is. */
export function hrefOf(semaphore: string): string {
  return `#/semaphores/${semaphore}`
}

function placeOf(hash: string): Place {
  // Mail and chat programs escape the colon of a link.
  const plain = hash.replace(/%3A/gi, ':')
  return { semaphore: /^#\/semaphores\/([A-Za-z0-9._:-]+)$/.exec(plain)?.[1] ?? null }
}

export function usePlace(): Place {
  const [place, setPlace] = useState(() => placeOf(location.hash))
  useEffect(() => {
    const moved = () => setPlace(placeOf(location.hash))
    // Effects run after the page was painted: somebody may have moved on by then.
    moved()
    addEventListener('hashchange', moved)
    return () => removeEventListener('hashchange', moved)
  }, [])
  return place
}
