import { parseArgs } from 'node:util'
import { startTestRedis } from '@signalbox/test-redis'
import { fuzz } from './fuzz.js'

const { values } = parseArgs({
  options: { requests: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
})
const redis = await startTestRedis()
try {
  const { requests: wanted, seed } = values
  console.log(`Fuzzing the service with ${wanted} requests, seed ${seed}`)
  const options = { requests: Number(wanted), seed: Number(seed), redisUrl: redis.url, say: console.log }
  const { findings, requests, answers } = await fuzz(options)
  for (const [answer, times] of [...answers].sort(([, a], [, b]) => b - a))
    console.log(String(times).padStart(7), answer)
  for (const { wrong, sent } of findings) console.error(`\n${wrong}\n  ${sent}`)
  console.log(`${requests} requests, ${findings.length} findings, seed ${seed}`)
  if (findings.length > 0 || requests < Number(wanted)) process.exitCode = 1
} finally {
  await redis.stop()
}
