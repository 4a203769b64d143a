import type { Script, ScriptOfMany } from '../src/redis/script-spec.js'
import { camelCase } from './header.js'

function literal(value: unknown): string {
  const spaced = JSON.stringify(value)
    .replace(/"(\w+)":/g, '$1: ')
    .replace(/,/g, ', ')
    .replace(/\{(.+)\}/, '{ $1 }')
  return spaced.replaceAll('"', "'")
}

function template(text: string): string {
  return `\`${text.replace(/[\\`]|\$\{/g, (found) => `\\${found}`)}\``
}

/** The text of scripts.gen.ts. */
export function emit(scripts: Readonly<Record<string, Script | ScriptOfMany>>): string {
  const entries = Object.values(scripts).map((script) => {
    const { name, keys, args, replies, text, sha1 } = script
    const each =
      'each' in script ? `    each: { keys: ${literal(script.each.keys)}, args: ${literal(script.each.args)} },\n` : ''
    const define = each === '' ? 'defineScript' : 'defineScriptOfMany'
    const tags = Object.entries(replies).map(([tag, fields]) => `      ${tag}: ${literal(fields)},\n`)
    return (
      `  ${camelCase(name)}: ${define}({\n    name: '${name}',\n    sha1: '${sha1}',\n    keys: ${literal(keys)},\n    args: ${literal(args)},\n` +
      `${each}    replies: {\n${tags.join('')}    },\n    text: ${template(text)},\n  }),\n`
    )
  })
  return (
    '// Made from lua/ by `npm run generate`. Not edited by hand: `npm run check:generated` would say so.\n' +
    "import { defineScript, defineScriptOfMany } from './define-script.js'\n\n" +
    `export const scripts = {\n${entries.join('')}}\n`
  )
}
