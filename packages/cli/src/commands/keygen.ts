import { Command, InvalidArgumentError } from 'commander'
import { makeApiKey, scopes, type Scope } from '../api-key.js'
import type { Context } from '../context.js'

const examples = `
Examples:
  signalbox keygen --scope acquire --prefix billing: --name ci
  signalbox keygen --scope acquire,inspect,admin

Scopes (none implies another):
  acquire   run; the SDK's acquire, release, renew; creating a semaphore by its first use
  inspect   ls, show, watch, doctor; metrics
  admin     set, release, rm
`

function isScope(word: string): word is Scope {
  return scopes.some((scope) => scope === word)
}

function scopesOf(text: string, before: readonly Scope[] | undefined): readonly Scope[] {
  const words = text.split(',')
  const known = words.filter(isScope)
  if (known.length < words.length) throw new InvalidArgumentError(`It is some of ${scopes.join(', ')}.`)
  return [...(before ?? []), ...known]
}

function matching(pattern: RegExp, what: string): (text: string) => string {
  return (text) => {
    if (!pattern.test(text)) throw new InvalidArgumentError(what)
    return text
  }
}

const prefixOf = matching(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/, 'It is the beginning of a semaphore’s name.')
const nameOf = matching(
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
  'It is a letter or digit, and up to 63 of letters, digits and . _ -',
)

interface Options {
  readonly scope: readonly Scope[]
  readonly prefix: string
  readonly name: string
  readonly json?: boolean
}

export function keygenCommand(context: Context): Command {
  return new Command('keygen')
    .summary('make an API key')
    .description(
      'Makes an API key and the line to store for it at the service. Sends nothing; the key is shown this once.',
    )
    .requiredOption('--scope <scopes>', `what it may do: ${scopes.join(', ')}; several with commas`, scopesOf)
    .option('--prefix <prefix>', 'the only names that it reaches (default: all)', prefixOf, '')
    .option('--name <name>', 'what the log calls it', nameOf, `key-${new Date().toISOString().slice(0, 10)}`)
    .option('--json', 'an object, for scripts')
    .addHelpText('after', examples)
    .action((options: Options) => {
      const { output } = context
      const made = makeApiKey({ name: options.name, scopes: options.scope, prefix: options.prefix })
      if (options.json === true) {
        output.json(made)
        return
      }
      output.line(`The key, shown this once (SIGNALBOX_API_KEY of whoever calls):\n\n  ${made.key}\n`)
      output.line('The line to store, in SIGNALBOX_API_KEYS or in the file that SIGNALBOX_API_KEYS_FILE names:\n')
      output.line(`  ${made.line}`)
    })
}
