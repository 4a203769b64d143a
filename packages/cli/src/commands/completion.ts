import { Argument, Command } from 'commander'
import type { Context } from '../context.js'

const examples = `
Examples:
  source <(signalbox completion bash)                     in ~/.bashrc
  source <(signalbox completion zsh)                      in ~/.zshrc, after compinit
  signalbox completion fish > ~/.config/fish/completions/signalbox.fish
`

interface Word {
  readonly name: string
  readonly summary: string
  /** What its argument may be, where that is known here. */
  readonly choices: readonly string[]
  readonly options: readonly { readonly long: string; readonly description: string }[]
}

const shells = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof shells)[number]

function isShell(text: string): text is Shell {
  return shells.some((shell) => shell === text)
}

/** Made from what the parser knows, so that no option is forgotten. */
export function completionCommand(context: Context): Command {
  return new Command('completion')
    .summary('print completions for a shell')
    .description('Prints what a shell needs to complete commands and options.')
    .addArgument(new Argument('<shell>', 'which').choices(shells))
    .addHelpText('after', examples)
    .action((shell: string, _options: object, self: Command) => {
      if (isShell(shell)) context.output.raw(scripts[shell](wordsOf(self.parent ?? self)))
    })
}

function wordsOf(program: Command): Word[] {
  return program.commands.map((command) => ({
    name: command.name(),
    summary: command.summary(),
    choices: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
    options: [...command.options, ...program.options].flatMap(({ long, description }) =>
      typeof long === 'string' ? [{ long, description }] : [],
    ),
  }))
}

const scripts: Readonly<Record<Shell, (words: readonly Word[]) => string>> = {
  bash: bashScript,
  // zsh can run bash's, and says so.
  zsh: (words) => `autoload -U +X bashcompinit && bashcompinit\n${bashScript(words)}`,
  fish: fishScript,
}

function bashScript(words: readonly Word[]): string {
  const names = words.map(({ name }) => name)
  const cases = words.map(
    ({ name, choices, options }) =>
      `    ${name}) words='${[...choices, ...options.map(({ long }) => long)].join(' ')}' ;;`,
  )
  // The first word that is one: options of the program may stand before it, and bash cuts the url of --url at its colons.
  return `_signalbox() {
  local cur=\${COMP_WORDS[COMP_CWORD]} words='${names.join(' ')} --url' subcommand= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    if [[ \${COMP_WORDS[i]} == -- ]]; then
      COMPREPLY=($(compgen -c -- "$cur"))
      return
    fi
    case \${subcommand:-\${COMP_WORDS[i]}} in
    ${names.join('|')}) subcommand=\${subcommand:-\${COMP_WORDS[i]}} ;;
    esac
  done
  case $subcommand in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _signalbox signalbox
`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "\\'")}'`
}

function fishScript(words: readonly Word[]): string {
  const lines = words.flatMap(({ name, summary, choices, options }) => [
    `complete -c signalbox -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary)}`,
    ...choices.map((choice) => `complete -c signalbox -n '__fish_seen_subcommand_from ${name}' -f -a ${choice}`),
    ...options.map(
      ({ long, description }) =>
        `complete -c signalbox -n '__fish_seen_subcommand_from ${name}' -l ${long.slice(2)} -d ${quoted(description)}`,
    ),
  ])
  return `${lines.join('\n')}\n`
}
