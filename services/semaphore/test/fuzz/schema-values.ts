import fc from 'fast-check'

/** As much of JSON Schema as the OpenAPI document uses for what a caller sends. */
export interface JsonSchema {
  readonly type?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly oneOf?: readonly JsonSchema[]
  readonly items?: JsonSchema
  readonly minItems?: number
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
}

/** The few names, ids and labels that most requests use, so that they meet each other's semaphores and leases. */
export const familiar = [
  ...['a', 'b', 'c', 'jobs:1', 'x'.repeat(128), 'constructor', '__proto__x', 'toString'],
  ...Array.from({ length: 30 }, (_none, index) => `00000000-0000-4000-8000-0000000000${index + 10}`),
  ...['00000000-0000-4000-8000-00000000000A', 'ffffffff-ffff-ffff-ffff-ffffffffffff'],
]

/** What the schema allows, small values more often than large ones. */
export function valuesOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.oneOf !== undefined) return fc.oneof(...schema.oneOf.map((one) => valuesOf(one)))
  switch (schema.type) {
    case 'boolean':
      return fc.boolean()
    case 'integer': {
      const { minimum: min = 0, maximum: max = Number.MAX_SAFE_INTEGER } = schema
      const small = fc.integer({ min, max: Math.min(max, min + 3) })
      return fc.oneof({ weight: 3, arbitrary: small }, { weight: 1, arbitrary: fc.integer({ min, max }) })
    }
    case 'string': {
      const pattern = new RegExp(schema.pattern ?? '^.*$')
      const known = familiar.filter((text) => pattern.test(text) && text.length <= (schema.maxLength ?? Infinity))
      const fresh = fc.stringMatching(pattern).map((text) => text.slice(0, schema.maxLength))
      if (known.length === 0) return fresh
      return fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...known) }, { weight: 1, arbitrary: fresh })
    }
    case 'array': {
      if (schema.items === undefined) throw new Error('An array needs a schema of its items')
      const { minItems: minLength = 0 } = schema
      return fc.array(valuesOf(schema.items), { minLength, maxLength: minLength + 3 })
    }
    case 'object': {
      const members = Object.entries(schema.properties ?? {}).map(([name, one]) => [name, valuesOf(one)] as const)
      const model = Object.fromEntries(members)
      return fc.record(model, { requiredKeys: [...(schema.required ?? [])], noNullPrototype: true })
    }
    case undefined:
    default:
      throw new Error(`There is no arbitrary for the schema ${JSON.stringify(schema)}`)
  }
}
