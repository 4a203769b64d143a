import { readFile } from 'node:fs/promises'

/** Twice this, and a change counts. */
const lookEveryMs = 250

/** What the files hold, in their order; null: it cannot be read. */
export type Contents = readonly (string | null)[]

/**
 * Calls `changed` when the files hold something else than `known`, then than what it was called with last, and two looks in a row found the
 * same: who writes a file, or a certificate and then its key, is not taken by surprise halfway. Returns what ends it.
 *
 * It looks instead of being notified. Kubernetes swaps a symbolic link two levels above the file, certbot one to the file: a watch of the
 * file hears of neither, and on a network's file system of nothing at all.
 */
export function watchFiles(
  paths: readonly string[],
  known: Contents,
  changed: (contents: Contents) => void,
  read: (path: string) => Promise<string | null> = contentOf,
): () => void {
  let last = known
  let isOver = false
  let timer = setTimeout(look, lookEveryMs).unref()

  function look() {
    void Promise.all(paths.map((path) => read(path))).then((contents) => {
      if (isOver) return
      if (areSame(contents, last) && !areSame(contents, known)) {
        known = contents
        changed(contents)
      }
      last = contents
      timer = setTimeout(look, lookEveryMs).unref()
    })
  }

  return () => {
    isOver = true
    clearTimeout(timer)
  }
}

function contentOf(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch(() => null)
}

function areSame(one: Contents, other: Contents): boolean {
  return one.every((content, index) => content === other[index])
}
