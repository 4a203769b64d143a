import { parseArgs } from 'node:util'
import { startTestRedis } from '@signalbox/test-redis'
import { soak } from './soak.js'

const { values } = parseArgs({
  options: { names: { type: 'string', default: '100000' }, cycles: { type: 'string', default: '1000000' } },
})
const redis = await startTestRedis()
try {
  const options = { names: Number(values.names), cycles: Number(values.cycles), redisUrl: redis.url, say: console.log }
  const { keys, heapBytes, series } = await soak(options)
  const grownBytes = heapBytes.after - heapBytes.before
  console.log(`keys: ${keys.before} before, ${keys.after} after`)
  console.log(`metrics: ${series.before} lines before, ${series.after} after`)
  console.log(`heap: ${(heapBytes.before / 1e6).toFixed(1)} MB before, ${(heapBytes.after / 1e6).toFixed(1)} MB after`)
  console.log(`that is ${(grownBytes / options.cycles).toFixed(2)} bytes a cycle`)
  if (keys.after !== keys.before || grownBytes / options.cycles > 10) process.exitCode = 1
} finally {
  await redis.stop()
}
