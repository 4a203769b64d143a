import { randomUUID } from 'node:crypto'
import type { Ground } from '../setup.js'
import type { Stage } from '../stage.js'
import type { Send } from './http.js'

const acts = { look: 40, resize: 25, grow: 10, revoke: 10, 'restore-limit': 15 }

/** Looks, resizes, adds permits, and takes leases back. */
export class Operator {
  readonly #stage: Stage
  readonly #send: Send

  constructor(stage: Stage, send: Send) {
    this.#stage = stage
    this.#send = send
  }

  readonly step = async (): Promise<void> => {
    const { random, setup } = this.#stage
    const resized = setup.grounds.filter((ground) => ground.resized)
    const ground = random.pick(resized)
    const act = random.weighted(acts)
    switch (act) {
      case 'look':
        await this.#look(random.pick(setup.grounds))
        return
      case 'resize':
        await this.#resize(ground, random.between(0, 2 * ground.limit))
        return
      case 'restore-limit':
        await this.#resize(ground, ground.limit)
        return
      case 'grow':
        await this.#send('POST', `/${ground.name}/add-permits`, { body: { permits: 1, requestId: randomUUID() } })
        return
      case 'revoke':
        await this.#revoke(ground)
        return
    }
  }

  /** A limit of 0 must not be the last word: those who wait for ever would. */
  async restoreLimits(): Promise<void> {
    for (const ground of this.#stage.setup.grounds.filter(({ resized }) => resized)) {
      while ((await this.#resize(ground, ground.limit))?.status !== 200);
    }
  }

  #resize({ name, bounded }: Ground, limit: number) {
    return this.#send('PUT', `/${name}`, { body: { limit, bounded } })
  }

  async #look({ name }: Ground): Promise<void> {
    for (const part of ['', '/leases', '/waiters']) await this.#send('GET', `/${name}${part}`)
  }

  async #revoke({ name }: Ground): Promise<void> {
    const page = await this.#send('GET', `/${name}/leases`)
    const fences = page?.items?.flatMap(({ fence }) => fence ?? []) ?? []
    if (fences.length > 0) await this.#send('DELETE', `/${name}/leases/${this.#stage.random.pick(fences)}`)
  }
}
