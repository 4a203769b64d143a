import { useEffect, useState } from 'preact/hooks'

/** Something that changes by itself, and those who want to know. */
export class Changes {
  readonly #listeners = new Set<() => void>()

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  announce(): void {
    for (const listener of this.#listeners) listener()
  }
}

/** Renders the component again whenever the source has changed. */
export function useChanges(source: Changes): void {
  const [, setCount] = useState(0)
  useEffect(() => {
    const renderAgain = () => setCount((count) => count + 1)
    // Effects run after the page was painted: of what changed since this was rendered, nobody has told it.
    renderAgain()
    return source.subscribe(renderAgain)
  }, [source])
}

/** The time on `performance.now()`, told anew once a second: for ages and countdowns. */
export function useNowMs(): number {
  const [nowMs, setNowMs] = useState(() => performance.now())
  useEffect(() => {
    const timer = setInterval(() => setNowMs(performance.now()), 1_000)
    return () => clearInterval(timer)
  }, [])
  return nowMs
}
