// npm run check:docs            is every link of the documents and every program they show what is there?
// npm run check:docs -- --write puts the programs in as they are now
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const writes = process.argv.includes('--write')
/** @type {string[]} */
const wrong = []

/** Programs that a document shows: a comment names the file, and the code block after it holds all of it. */
const shownFile = /(<!-- file: (\S+) -->\n\n```(\w+)\n)(.*?)(^```$)/gms

/**
 * The text with each program as its file is now.
 * @param {string} document @param {string} text
 */
function withPrograms(document, text) {
  return text.replaceAll(
    shownFile,
    (whole, /** @type {string} */ head, /** @type {string} */ path, _language, shown, /** @type {string} */ end) => {
      if (!existsSync(join(root, path))) {
        wrong.push(`${document}: shows ${path}, which is not there`)
        return whole
      }
      const code = readFileSync(join(root, path), 'utf8')
      if (code !== shown && !writes)
        wrong.push(`${document}: shows another ${path} than there is (npm run check:docs -- --write)`)
      return `${head}${code}${end}`
    },
  )
}

/**
 * What a heading is linked by, as GitHub makes it.
 * @param {string} text
 */
function anchorsOf(text) {
  /** @type {Map<string, number>} */
  const seen = new Map()
  return new Set(
    [...withoutCode(text).matchAll(/^#{1,6} +(.+?) *#*$/gm)].map(([, heading = '']) => {
      const plain = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll(/[`*]/g, '')
      const anchor = plain
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\p{M} _-]/gu, '')
        .replaceAll(' ', '-')
      const before = seen.get(anchor) ?? 0
      seen.set(anchor, before + 1)
      return before === 0 ? anchor : `${anchor}-${before}`
    }),
  )
}

/** @param {string} text */
function withoutCode(text) {
  return text.replaceAll(/^( *)(```+).*?^\1\2 *$/gms, '')
}

/** @param {string} document @param {string} text */
function checkLinks(document, text) {
  const prose = withoutCode(text).replaceAll(/`[^`\n]+`/g, '')
  const targets = [
    ...[...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target),
    ...[...prose.matchAll(/^\[[^\]]+\]: +(\S+)/gm)].map(([, target = '']) => target),
    ...[...prose.matchAll(/<(?:img|a)[^>]* (?:src|href)="([^"]+)"/g)].map(([, target = '']) => target),
  ]
  for (const target of targets) {
    // Of others' sites nothing is asked: a check must not fail because one of them is away.
    if (/^(https?|mailto):/.test(target)) continue
    const [path = '', anchor] = target.split('#')
    const file = path === '' ? join(root, document) : resolve(root, dirname(document), decodeURI(path))
    if (!existsSync(file) || relative(root, file).startsWith('..')) wrong.push(`${document}: ${target} leads nowhere`)
    else if (
      anchor !== undefined &&
      (statSync(file).isDirectory() || !anchorsOf(readFileSync(file, 'utf8')).has(anchor))
    )
      wrong.push(`${document}: ${target} leads to no heading of it`)
  }
}

const { stdout } = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
  cwd: root,
  encoding: 'utf8',
})
const documents = stdout.split('\n').filter((path) => path !== '' && existsSync(join(root, path)))
for (const document of documents) {
  const text = readFileSync(join(root, document), 'utf8')
  const current = withPrograms(document, text)
  if (writes && current !== text) writeFileSync(join(root, document), current)
  checkLinks(document, current)
}

for (const line of wrong) console.error(line)
if (documents.length === 0) console.error('There are no documents: is this no clone?')
process.exitCode = wrong.length > 0 || documents.length === 0 ? 1 : 0
