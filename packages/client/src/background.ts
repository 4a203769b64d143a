/** Work that nobody awaits but `close`: it must never reject, and is counted so that close can wait for it. */
export class Background {
  readonly #tasks = new Set<Promise<void>>()

  /** `failed` hears what the task rejects with. */
  run(task: () => Promise<void>, failed: (error: unknown) => void): void {
    const running = task()
      .catch(failed)
      .finally(() => this.#tasks.delete(running))
    this.#tasks.add(running)
  }

  /** Resolves when all that is running now has ended. */
  async ended(): Promise<void> {
    await Promise.all(this.#tasks)
  }
}
