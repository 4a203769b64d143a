export * from './engine.js'
export * from './store.js'
export { createMemoryStore, type MemoryStore, type MemoryStoreOptions } from './memory/memory-store.js'
