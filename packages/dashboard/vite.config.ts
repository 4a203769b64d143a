import { defineConfig } from 'vite'

export default defineConfig({
  // The oldest browsers that have all that the page uses: <dialog>, nesting in style sheets, light-dark().
  build: {
    target: ['chrome123', 'firefox120', 'safari17.5'],
    assetsInlineLimit: 0,
    license: { fileName: 'licenses.md' },
  },
})
