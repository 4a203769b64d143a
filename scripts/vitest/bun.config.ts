import { defineConfig, mergeConfig } from 'vitest/config'
import base from '../../vitest.config.js'

// Bun gives vitest no named exports of zod's modules; transformed by vite they have them.
export default mergeConfig(base, defineConfig({ test: { server: { deps: { inline: ['zod'] } } } }))
