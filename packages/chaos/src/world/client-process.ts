import { fileURLToPath } from 'node:url'
import { startTcpProxy, type TcpProxy } from '@signalbox/test-redis'
import { news, type ClientSetup, type Command, type News } from '../clients/setup.js'
import { forkNode, type Child } from './child.js'

/** Built, also where a test meets this file as source: Node runs no TypeScript. */
const programs = {
  sdk: fileURLToPath(new URL('../../dist/clients/sdk/main.js', import.meta.url)),
  plain: fileURLToPath(new URL('../../dist/clients/plain/main.js', import.meta.url)),
}

export interface ClientOptions {
  readonly program: keyof typeof programs
  /** But for where the service is. */
  readonly setup: Omit<ClientSetup, 'url'>
  /** The replica that the next connection goes to. */
  readonly route: () => { readonly host: string; readonly port: number }
  readonly onNews: (from: ClientProcess, news: News) => void
  readonly onMishap: (process: string, text: string) => void
}

/** One place among the callers: a process, the next one after it was killed, and its own way to the service. */
export class ClientProcess {
  readonly proxy: TcpProxy
  readonly #options: ClientOptions
  #child: Child | null = null
  #generation = 0

  constructor(options: ClientOptions, proxy: TcpProxy) {
    this.#options = options
    this.proxy = proxy
  }

  static async start(options: ClientOptions): Promise<ClientProcess> {
    const client = new ClientProcess(options, await startTcpProxy(options.route))
    client.launch()
    return client
  }

  /** Of the process now in this place. */
  get name(): string {
    return `${this.#options.setup.name}.${this.#generation}`
  }

  get adopts(): boolean {
    return this.#options.program === 'sdk'
  }

  launch(): void {
    const { setup, program, onMishap, onNews } = this.#options
    this.#generation += 1
    const name = this.name
    const full: ClientSetup = {
      ...setup,
      name,
      // A process that takes another's place goes on with other choices.
      stream: setup.stream + 1_000 * this.#generation,
      url: `http://${this.proxy.host}:${this.proxy.port}`,
    }
    const child = forkNode(programs[program], JSON.stringify(full), (line) => {
      if (line !== '') onMishap(name, line)
    })
    this.#child = child
    child.process.on('message', (message) => onNews(this, news.parse(message)))
    void child.ended.then((ending) => {
      if (child.isWanted) onMishap(name, `ended by itself: ${String(ending)}`)
    })
  }

  tell(told: Command): void {
    if (this.#child?.process.connected === true) this.#child.process.send(told)
  }

  async kill(): Promise<void> {
    this.#child?.kill()
    await this.#child?.ended
  }

  stop(): void {
    this.#child?.stop()
  }

  resume(): void {
    this.#child?.resume()
  }

  /** Everything that it has begun is to end; what does not within that time is a mishap. */
  async finish(withinMs: number): Promise<void> {
    const child = this.#child
    if (child !== null) {
      child.isWanted = false
      this.tell({ kind: 'finish' })
      const inTime = await child.endsWithin(withinMs)
      if (!inTime) this.#options.onMishap(this.name, `still had calls under way ${withinMs} ms after the last fault`)
      else if (child.ending !== 0) this.#options.onMishap(this.name, `ended with ${String(child.ending)}`)
    }
    await this.proxy.close()
  }

  async close(): Promise<void> {
    await this.kill()
    await this.proxy.close()
  }
}
