import { describe, expect, test, vi } from 'vitest'
import { freshName, serveAll } from './service.js'
import { main, signalbox, soon, start, type Running } from './signalbox.js'

const shared = serveAll()

describe('where nobody reads what is said beside the output', () => {
  const expectItGoesOn = async (begin: (name: string) => Running): Promise<void> => {
    const service = shared()
    const name = freshName()
    const { leaseId } = (await service.send('POST', `/v1/semaphores/${name}/acquire`, { create: { limit: 1 } })) as {
      leaseId: string
    }
    const running = begin(name)
    // It says that it waits after a second at most.
    await vi.waitFor(async () => expect((await service.state(name))?.oldestWaitMs).toBeGreaterThan(2_000), soon)
    await service.send('POST', `/v1/semaphores/${name}/release`, { leaseId })
    expect(await running.ended).toBe(7)
    expect(running.stdout()).toBe('started\n')
    expect(await service.state(name)).toMatchObject({ used: 0 })
  }
  const command = ['sh', '-c', 'echo started; exit 7']

  test('because the reader is gone, the wait and the command go on', async () => {
    await expectItGoesOn((name) => {
      const running = signalbox(shared().url, ['run', name, '--', ...command])
      running.child.stderr?.destroy()
      return running
    })
  })

  test.runIf(process.platform === 'linux')('because the disk is full, they do too', async () => {
    await expectItGoesOn((name) => {
      const words = [process.execPath, main, 'run', name, '--', ...command].map((word) => `'${word}'`)
      return start('sh', ['-c', `exec ${words.join(' ')} 2> /dev/full`], { SIGNALBOX_URL: shared().url })
    })
  })
})
