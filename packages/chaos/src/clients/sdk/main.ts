// A program that uses the SDK, over and over, until the run says `finish`.
import { SignalboxClient } from '@signalbox/client'
// Not for everybody, but what everybody uses who names no `fetch`.
import { nodeFetch } from '../../../../client/dist/node-http.js'
import { recordedFetch } from '../recorded-fetch.js'
import { readSetup, Stage } from '../stage.js'
import { SdkCaller } from './caller.js'

const setup = readSetup()
const stage = new Stage(setup)
const client = new SignalboxClient({
  url: setup.url,
  holder: setup.name,
  timeoutMs: 3_000,
  fetch: recordedFetch(stage.recorder, nodeFetch()),
  // That the limit in the code is not the one in force is the point of the resized semaphore.
  logger: { warn: () => undefined },
})
const caller = new SdkCaller(stage, client)
const adoptions = new Set<Promise<void>>()
await stage.play(caller.step, (told) => {
  if (told.kind !== 'adopt') return
  const adoption = caller.adopt(told.semaphore, told.leaseId, told.ttlMs)
  adoptions.add(adoption)
  void adoption.finally(() => adoptions.delete(adoption))
})
await Promise.all(adoptions)
await client.close()
process.exit(0)
