import { parse, type Node } from 'luaparse'
import { readSources } from '../compiler/compile.js'

/** One change of one Lua file that a test should notice. */
export interface Mutant {
  /** As in lua/, without `.lua`: `acquire` or `lib/queue`. */
  readonly file: string
  readonly line: number
  /** The line that is changed, without its indentation, and what becomes of it. With `file` they name the mutant. */
  readonly text: string
  readonly change: string
  /** The whole file after the change. */
  readonly source: string
}

interface Edit {
  readonly start: number
  readonly end: number
  readonly put: string
  /** Where `old -> new` would not say what it does. */
  readonly change?: string
}

const otherOperators: Readonly<Record<string, readonly string[]>> = {
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '==': ['~='],
  '~=': ['=='],
  '+': ['-'],
  '-': ['+'],
  '*': ['/'],
  '/': ['*'],
  and: ['or'],
  or: ['and'],
}

const otherFunctions: Readonly<Record<string, string>> = { min: 'max', max: 'min', floor: 'ceil', ceil: 'floor' }

/** Options and commands that Redis would take in the other's place. */
const otherWords: Readonly<Record<string, string>> = {
  PX: 'EX',
  PEXPIRE: 'EXPIRE',
  '-inf': '+inf',
  '+inf': '-inf',
  '(': '',
  ZRANGE: 'ZREVRANGE',
  ZRANK: 'ZREVRANK',
  EXISTS: 'STRLEN',
  UNLINK: 'EXISTS',
  granted: 'cancelled',
  used: 'limit',
  limit: 'initial',
  nearest: 'lives_until',
}

/** Keys that lie side by side in every header, so that each takes the other's place where the script runs at all. */
const otherKeys: Readonly<Record<string, string>> = {
  state_key: 'replicas_key',
  replicas_key: 'state_key',
  deadlines_key: 'queue_key',
  queue_key: 'deadlines_key',
  leases_key: 'waiters_key',
  waiters_key: 'leases_key',
  fence_key: 'state_key',
  grown_key: 'state_key',
  retired_key: 'state_key',
}

function rangeOf(node: Node): { start: number; end: number } {
  const range: readonly unknown[] = 'range' in node && Array.isArray(node.range) ? node.range : []
  const [start, end] = range
  if (typeof start !== 'number' || typeof end !== 'number') throw new Error(`${node.type} without a place`)
  return { start, end }
}

/** The operator stands between its operands, after whatever brackets close there. */
function operatorEdits(source: string, left: Node, operator: string, right: Node): Edit[] {
  const from = rangeOf(left).end
  const between = source.slice(from, rangeOf(right).start)
  const start = from + between.indexOf(operator)
  return (otherOperators[operator] ?? []).map((put) => ({ start, end: start + operator.length, put }))
}

const comparisons = new Set(['<', '<=', '>', '>=', '==', '~='])

/** A condition without a comparison, which has its own edits, the other way round. */
function negation(condition: Node): Edit[] {
  const isComparison = condition.type === 'BinaryExpression' && comparisons.has(condition.operator)
  if (isComparison || condition.type === 'LogicalExpression' || condition.type === 'UnaryExpression') return []
  const { start } = rangeOf(condition)
  return [{ start, end: start, put: 'not ', change: 'negated' }]
}

function isEarlyExit(node: Node): boolean {
  return node.type === 'ReturnStatement' || node.type === 'BreakStatement'
}

/** What may become of a word: an option, a key, a function, a value. */
function wordEdits(node: Node): Edit[] {
  const range = rangeOf(node)
  if (node.type === 'BooleanLiteral') return [{ ...range, put: String(!node.value) }]
  if (node.type === 'NumericLiteral') return [{ ...range, put: String(node.value === 1 ? 0 : node.value + 1) }]
  const word = node.type === 'StringLiteral' ? otherWords[node.raw.slice(1, -1)] : undefined
  if (word !== undefined) return [{ ...range, put: `'${word}'` }]
  const name = node.type === 'Identifier' ? (otherKeys[node.name] ?? otherFunctions[node.name]) : undefined
  return name === undefined ? [] : [{ ...range, put: name }]
}

/** What may become of this node itself, its children aside. `isBranch`: it stands in a branch or a loop. */
function editsOf(source: string, node: Node, isBranch: boolean): Edit[] {
  if (node.type === 'BinaryExpression' || node.type === 'LogicalExpression') {
    return operatorEdits(source, node.left, node.operator, node.right)
  }
  if (node.type === 'UnaryExpression' && node.operator === 'not') {
    const { start } = rangeOf(node)
    return [{ start, end: start + 'not '.length, put: '', change: 'not removed' }]
  }
  if (node.type === 'IfClause' || node.type === 'ElseifClause') return negation(node.condition)
  const goes = node.type === 'CallStatement' || node.type === 'AssignmentStatement' || (isBranch && isEarlyExit(node))
  return goes ? [{ ...rangeOf(node), put: '', change: 'removed' }] : wordEdits(node)
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value
}

function childrenOf(node: Node): Node[] {
  return Object.values(node)
    .flatMap((value: unknown): unknown[] => (Array.isArray(value) ? value : [value]))
    .filter(isNode)
}

const branches = /^(IfClause|ElseifClause|ElseClause|ForNumericStatement|ForGenericStatement|WhileStatement)$/

function allEdits(source: string, node: Node, isBranch: boolean): Edit[] {
  const inside = branches.test(node.type) || (isBranch && node.type !== 'FunctionDeclaration')
  return [...editsOf(source, node, isBranch), ...childrenOf(node).flatMap((child) => allEdits(source, child, inside))]
}

/** Every mutant of the file, in the order of its text. */
export function mutantsOf(file: string, source: string): Mutant[] {
  // The parser does not know a line that begins with #!, and must count the same characters.
  const tree = parse(source.replace(/^#!/, '--'), { luaVersion: '5.1', ranges: true })
  const seen = new Map<string, number>()
  const edits = allEdits(source, tree, false).sort((a, b) => a.start - b.start)
  return edits.map(({ start, end, put, change = `${source.slice(start, end)} -> ${put}` }) => {
    const lineStart = source.lastIndexOf('\n', start - 1) + 1
    const text = source.slice(lineStart).split('\n', 1)[0]?.trim() ?? ''
    const key = `${text} ${change}`
    const nth = (seen.get(key) ?? 0) + 1
    seen.set(key, nth)
    return {
      file,
      line: source.slice(0, lineStart).split('\n').length,
      text,
      change: nth === 1 ? change : `${change} (${nth})`,
      source: source.slice(0, start) + put + source.slice(end),
    }
  })
}

/** What a mutant is called in lists that outlive the numbers of lines. */
export function nameOf({ file, text, change }: Pick<Mutant, 'file' | 'text' | 'change'>): string {
  return `${file} | ${text} | ${change}`
}

/** Those of every file of lua/. */
export function luaMutants(folder: string): Mutant[] {
  const { commands, libs } = readSources(folder)
  const files = [
    ...Object.entries(commands),
    ...Object.entries(libs).map(([name, source]) => [`lib/${name}`, source] as const),
  ]
  return files.flatMap(([file, source]) => mutantsOf(file, source))
}
