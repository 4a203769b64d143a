import type { ArgTypes, EachSpec, ReplyTypes, Script, ScriptOfMany } from './script-spec.js'

/** Keeps the spec literal, so that keys, arguments and replies have types, and the text a mere string. */
export function defineScript<
  const Keys extends readonly string[],
  const Args extends ArgTypes,
  const Replies extends ReplyTypes,
>(script: Script<Keys, Args, Replies>): Script<Keys, Args, Replies> {
  return script
}

/** The same for one that answers many calls in one run. */
export function defineScriptOfMany<
  const Keys extends readonly string[],
  const Args extends ArgTypes,
  const Replies extends ReplyTypes,
  const Each extends EachSpec,
>(script: ScriptOfMany<Keys, Args, Replies, Each>): ScriptOfMany<Keys, Args, Replies, Each> {
  return script
}
