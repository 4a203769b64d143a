/** `strings`: as many as are left. */
export type ArgType = 'string' | 'int' | 'bool' | 'strings'
/** `int?`: the empty string is null. `bool`: 0 or 1. `strings`: as many as are left. */
export type FieldType = 'int' | 'int?' | 'string' | 'bool' | 'strings'

export type ArgTypes = Readonly<Record<string, ArgType>>
export type ReplyTypes = Readonly<Record<string, Readonly<Record<string, FieldType>>>>

/** What each call brings to a script that answers many: at most one key, and arguments. */
export interface EachSpec<Keys extends readonly string[] = readonly string[], Args extends ArgTypes = ArgTypes> {
  readonly keys: Keys
  readonly args: Args
}

/** What the header of a script declares; all names in camel case but for the tags. */
export interface ScriptSpec<
  Keys extends readonly string[] = readonly string[],
  Args extends ArgTypes = ArgTypes,
  Replies extends ReplyTypes = ReplyTypes,
> {
  readonly name: string
  /** In the order of KEYS. */
  readonly keys: Keys
  /** In the order of ARGV. */
  readonly args: Args
  /** The fields of each reply, by its tag, in the order in which they come. */
  readonly replies: Replies
}

export interface Script<
  Keys extends readonly string[] = readonly string[],
  Args extends ArgTypes = ArgTypes,
  Replies extends ReplyTypes = ReplyTypes,
> extends ScriptSpec<Keys, Args, Replies> {
  readonly text: string
  readonly sha1: string
}

/** A script that answers many calls in one run: after KEYS and ARGV come those of each call, and its reply is a list of replies. */
export interface ScriptOfMany<
  Keys extends readonly string[] = readonly string[],
  Args extends ArgTypes = ArgTypes,
  Replies extends ReplyTypes = ReplyTypes,
  Each extends EachSpec = EachSpec,
> extends Script<Keys, Args, Replies> {
  readonly each: Each
}

/** What a type of the header is in TypeScript. */
export interface Values {
  readonly string: string
  readonly int: number
  readonly 'int?': number | null
  readonly bool: boolean
  readonly strings: readonly string[]
}

export type KeysOf<S extends ScriptSpec> = Readonly<Record<S['keys'][number], string>>
type ValuesOf<Args extends ArgTypes> = { readonly [Name in keyof Args]: Values[Args[Name]] }
export type ArgsOf<S extends ScriptSpec> = ValuesOf<S['args']>

export type EachKeysOf<S extends ScriptOfMany> = Readonly<Record<S['each']['keys'][number], string>>
export type EachArgsOf<S extends ScriptOfMany> = ValuesOf<S['each']['args']>

type FieldsOf<Fields extends Readonly<Record<string, FieldType>>> = {
  readonly [Name in keyof Fields]: Values[Fields[Name]]
}

/** A union on `kind`. `again` is not in it: whoever runs the script answers that by running it again. */
export type ReplyOf<S extends ScriptSpec> = {
  readonly [Tag in Exclude<keyof S['replies'], 'again'>]: { readonly kind: Tag } & FieldsOf<S['replies'][Tag]>
}[Exclude<keyof S['replies'], 'again'>]
