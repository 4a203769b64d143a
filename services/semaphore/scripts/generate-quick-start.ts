/**
 * Writes src/quick-start.gen.ts from docs/quick-start.md: the running service serves the page, and where it is installed there is no repository
 * beside it. `--check` only compares.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { format } from 'prettier'

const source = fileURLToPath(new URL('../../../docs/quick-start.md', import.meta.url))
const target = fileURLToPath(new URL('../src/quick-start.gen.ts', import.meta.url))

/** Links into the repository lead nowhere from a service; what they point at is named instead. */
function withoutLinks(markdown: string): string {
  return markdown.replaceAll(/\[([^\]]+)\]\((?!https?:)([^)]+)\)/g, (_link, text: string, path: string) => {
    return `${text} (${posix.join('docs', path)})`
  })
}

const text = withoutLinks(readFileSync(source, 'utf8'))
const generated = await format(
  `// Generated from docs/quick-start.md by scripts/generate-quick-start.ts: do not edit.
export const quickStartText = ${JSON.stringify(text.split('\n'), null, 2)}.join('\\n')
`,
  { parser: 'typescript', semi: false, singleQuote: true, printWidth: 120, trailingComma: 'all' },
)

if (!process.argv.includes('--check')) writeFileSync(target, generated)
else if (readFileSync(target, 'utf8') !== generated) {
  process.stderr.write('src/quick-start.gen.ts is out of date: npm run generate -w services/semaphore\n')
  process.exitCode = 1
}
