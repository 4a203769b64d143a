import { LeaseLostError, type SignalboxClient } from '@signalbox/client'
import { startSignalbox } from '@signalbox/testing'
import { expect, test } from 'vitest'

/** What is tested: it takes its client as an argument, and stops when its lease is lost. */
async function nightlyReport(client: SignalboxClient, pages: number, writePage: () => Promise<void>): Promise<number> {
  const reports = client.boundedSemaphore('nightly-report', 1)
  return await reports.run(async ({ signal }) => {
    let written = 0
    for (; written < pages && !signal.aborted; written += 1) await writePage()
    return written
  })
}

test('the report stops when its lease is lost, and another can begin', async () => {
  await using t = await startSignalbox()
  let written = 0
  const report = nightlyReport(t.client, 100, async () => {
    await t.sleep(10_000) // a page takes ten seconds, but not of this test's
    written += 1
  })
  const outcome = report.catch((error: unknown) => error)

  await t.advance(60_000)
  expect(written).toBe(6) // renewed twice a minute: the lease lasts 30 s

  t.disconnect()
  await t.advance(60_000)
  expect(written).toBeLessThan(10)
  expect(await outcome).toBeInstanceOf(LeaseLostError)

  t.reconnect()
  expect(await t.connect().boundedSemaphore('nightly-report', 1).tryAcquire()).not.toBeNull()
})
