/** Lua source cut into what runs, what is quoted and what only people read. Enough of a lexer to look at names; no parser. */
export interface LuaText {
  /** Without comments and blank lines. */
  readonly code: string
  /** The code with every string emptied, so that words in strings do not look like names. */
  readonly skeleton: string
}

const lexeme = /--\[\[[\s\S]*?\]\]|--[^\n]*|\[\[[\s\S]*?\]\]|'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*"/g

export function readLua(source: string): LuaText {
  const withoutComments = source.replace(lexeme, (found) => (found.startsWith('--') ? '' : found))
  const lines = withoutComments.split('\n').map((line) => line.trimEnd())
  const code = lines.filter((line) => line !== '').join('\n')
  return { code, skeleton: code.replace(lexeme, "''") }
}

const builtIn = new Set(
  (
    'and break do else elseif end false for function if in local nil not or repeat return then true until while ' +
    'redis KEYS ARGV string table math tonumber tostring type pairs ipairs next select unpack pcall error assert cjson bit struct'
  ).split(' '),
)

/** Names that the skeleton reads or calls, without fields (`a.b`), methods (`a:b`) and keys of table constructors. */
export function namesUsed(skeleton: string): ReadonlySet<string> {
  const used = new Set<string>()
  const name = /(?<![\w.]|\.\s)(?<!:)[A-Za-z_]\w*|(?<=\.\.\s*)[A-Za-z_]\w*/g
  for (const found of skeleton.matchAll(name)) {
    const before = skeleton.slice(0, found.index).trimEnd().at(-1)
    const isTableKey =
      (before === '{' || before === ',') && /^\s*=(?!=)/.test(skeleton.slice(found.index + found[0].length))
    if (!isTableKey) used.add(found[0])
  }
  return used
}

/** Names that the skeleton declares anywhere: scopes are not told apart. */
export function namesDeclared(skeleton: string): ReadonlySet<string> {
  const lists = [
    ...skeleton.matchAll(/\blocal\s+(?!function\b)([\w\s,]+?)\s*(?:=|\n|;|$)/g),
    ...skeleton.matchAll(/\blocal\s+function\s+(\w+)/g),
    ...skeleton.matchAll(/\bfunction\s*[\w.:]*\s*\(([^)]*)\)/g),
    ...skeleton.matchAll(/\bfor\s+([\w\s,]+?)\s*(?:=|\bin\b)/g),
  ]
  return new Set(lists.flatMap((list) => (list[1] ?? '').match(/\w+/g) ?? []))
}

/** Names used but declared nowhere: Redis would refuse them, as globals, only when the line runs. */
export function namesMissing(skeleton: string): string[] {
  const declared = namesDeclared(skeleton)
  return [...namesUsed(skeleton)].filter((name) => !declared.has(name) && !builtIn.has(name))
}
