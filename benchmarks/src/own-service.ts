import { startTestRedis } from '@signalbox/test-redis'
import { Redis } from 'ioredis'
import { startService } from '../../scripts/service.mjs'

/** A service and a Redis that nobody else uses, so that all they do and keep is by what is measured. */
export interface OwnService {
  readonly url: string
  readonly pid: number
  readonly redisUrl: string
  readonly redis: Redis
}

export async function withOwnService<T>(use: (service: OwnService) => Promise<T>): Promise<T> {
  const server = await startTestRedis({ ownServer: true, say: () => {} })
  const service = await startService({ REDIS_URL: server.url })
  const redis = new Redis(server.url)
  try {
    return await use({ url: service.url, pid: service.pid, redisUrl: server.url, redis })
  } finally {
    redis.disconnect()
    await service.stop()
    await server.stop()
  }
}
