import { z } from 'zod'

type Schema = z.core.JSONSchema.BaseSchema

/** The members of an object as rows: name, what it may be, whether it may be left out, meaning. Those of objects within it follow, as `create.limit`. */
export function fieldRows(schema: z.ZodType, io: 'input' | 'output'): string[][] {
  return rowsOf(z.toJSONSchema(schema, { io }), '', io)
}

function rowsOf(schema: Schema, prefix: string, io: 'input' | 'output'): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, member]) => {
    if (typeof member === 'boolean') return []
    const path = `${prefix}${name}`
    const isRequired = schema.required?.includes(name) === true
    const row = [`\`${path}\``, kindOf(member), need(member, isRequired, io), member.description ?? '']
    const inner =
      member.type === 'array' && isSchema(member.items) ? { schema: member.items, path: `${path}[].` } : null
    if (inner !== null) return [row, ...rowsOf(inner.schema, inner.path, io)]
    return [row, ...rowsOf(member, `${path}.`, io)]
  })
}

function isSchema(items: Schema['items']): items is Schema {
  return typeof items === 'object' && !Array.isArray(items)
}

function need(member: Schema, isRequired: boolean, io: 'input' | 'output'): string {
  if (member.default !== undefined && io === 'input') return `default \`${JSON.stringify(member.default)}\``
  return isRequired ? '' : io === 'input' ? 'may be left out' : 'not always there'
}

function kindOf(schema: Schema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(' or ')
  if (schema.anyOf !== undefined) return schema.anyOf.map(kindOf).join(' or ')
  const { type } = schema
  if (Array.isArray(type)) return type.map((one) => kindOf({ ...schema, type: one })).join(' or ')
  if (schema.format === 'uuid') return 'a UUID'
  if (schema.format === 'date-time') return 'a date and time, ISO 8601'
  if (type === 'integer') return `whole number${rangeOf(schema.minimum, schema.maximum)}`
  if (type === 'string')
    return `text${schema.maxLength === undefined ? '' : `, at most ${schema.maxLength} characters`}`
  return plainKinds[String(type)] ?? String(type)
}

const plainKinds: Readonly<Record<string, string>> = {
  boolean: '`true` or `false`',
  array: 'list',
  null: '`null`',
  undefined: '',
}

/** Without the bounds that every whole number of JSON has. */
function rangeOf(min: number | undefined, max: number | undefined): string {
  const from = min === undefined || min <= Number.MIN_SAFE_INTEGER ? null : min
  const to = max === undefined || max >= Number.MAX_SAFE_INTEGER ? null : max
  if (from !== null && to !== null) return ` from ${from} to ${to}`
  if (from !== null) return `, at least ${from}`
  return to === null ? '' : `, at most ${to}`
}
