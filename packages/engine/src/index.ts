export * from './engine.js'
export * from './store.js'
