import type { AppSettings } from './settings.js'

/** Which store the service runs on, and what people should know of it. */
export type StoreChoice =
  | { readonly kind: 'redis'; readonly place: string }
  | {
      readonly kind: 'private'
      readonly program: string
      readonly directory: string
      readonly sharedWithPid: number | null
    }
  | { readonly kind: 'memory' }

/** The first line of all on the memory store: nobody may find out only when it is gone. */
export const memoryNotice =
  'Signalbox keeps its state in the memory of this one process: it is gone at exit, and no second replica shares it.\n'

/** The lines that a person reads after the start. */
export function welcome(url: string, choice: StoreChoice, settings: AppSettings, hasDashboard: boolean): string {
  const { headers, who } = accessOf(settings)
  const listening = `Signalbox listens on ${url}`
  const access = `Access: ${who}`
  const page = hasDashboard ? [`Look:   ${url}/ in a browser`] : []
  const curl = `Try:    curl ${headers}--json '{"ttlMs":30000,"create":{"limit":2}}' ${url}/v1/semaphores/demo/acquire`
  const read = `Read:   ${url}/quick-start`
  return `${[listening, `Store:  ${storeLine(choice)}`, access, ...page, curl, read].join('\n')}\n`
}

function storeLine(choice: StoreChoice): string {
  if (choice.kind === 'memory') return 'memory (no REDIS_URL, and no redis-server or valkey-server on the PATH)'
  if (choice.kind === 'redis') return `Redis at ${choice.place} (REDIS_URL)`
  const { program, directory, sharedWithPid } = choice
  const owner =
    sharedWithPid === null ? `${program}, run by this service` : `the Redis that process ${sharedWithPid} runs`
  return `${owner}; its data is in ${directory} (append-only file)`
}

function accessOf({ apiKeys, insecure }: AppSettings): { headers: string; who: string } {
  if (apiKeys.length > 0) {
    return { headers: "-H 'Authorization: Bearer <key>' ", who: `${apiKeys.length} API keys` }
  }
  const who = insecure
    ? 'everyone who reaches the port may do everything (SIGNALBOX_INSECURE=true)'
    : 'this machine alone, without keys (npm run keygen -- --scope acquire makes one)'
  return { headers: '', who }
}
