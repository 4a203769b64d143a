import { exitCodes, Failure } from '../exit-codes.js'
import type { Http } from '../http.js'
import { isWaiterItem } from '../listings.js'
import { pathOf } from '../paths.js'
import { isRecord } from '../record.js'

/**
 * The place in the queue, by the listing of those who wait: the service tells a caller that waits only every 25 s. For somebody who looks on, so only on a
 * terminal: nothing else is to poll.
 */
export class Place {
  readonly #http: Http
  readonly #path: string
  readonly #holder: string
  #isAllowed = true

  constructor(http: Http, semaphore: string, holder: string) {
    this.#http = http
    this.#path = `${pathOf(semaphore)}/waiters`
    this.#holder = holder
  }

  /** Undefined: not known, for the key may not see it, or others go by the same name, or too many are ahead. Never rejects. */
  async find(): Promise<number | undefined> {
    if (!this.#isAllowed) return undefined
    try {
      const page = await this.#http.ask('GET', this.#path)
      const items: unknown = isRecord(page) ? page['items'] : undefined
      const mine = Array.isArray(items)
        ? items.filter(isWaiterItem).filter(({ holder }) => holder === this.#holder)
        : []
      return mine.length === 1 ? mine[0]?.position : undefined
    } catch (error) {
      this.#isAllowed = !(error instanceof Failure) || error.exitCode !== exitCodes.noPermission
      return undefined
    }
  }
}
