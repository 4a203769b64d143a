export * from './engine.js'
export * from './store.js'
export { createMemoryStore, type MemoryStore, type MemoryStoreOptions } from './memory/memory-store.js'
export { createRedisStore, type RedisStore, type RedisStoreOptions } from './redis/redis-store.js'
