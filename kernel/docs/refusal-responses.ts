import { type RefusalKind } from '../pipeline/refusals'
import { type Json } from './schema-components'

/** OpenAPI responses of refusals: one per status, with the codes in its description. */
export function refusalResponses(kinds: readonly RefusalKind[]): Json {
  const codes = new Map<number, string[]>()
  for (const kind of kinds) codes.set(kind.status, [...(codes.get(kind.status) ?? []), kind.code])
  return Object.fromEntries(
    [...codes].map(([status, names]) => [
      status,
      {
        description: names.map(name => `\`${name}\``).join(', '),
        content: {
          'application/problem+json': {
            schema: { $ref: '#/components/schemas/Problem' },
            examples: Object.fromEntries(names.map(name => [name, { $ref: `#/components/examples/${name}` }])),
          },
        },
      },
    ]),
  )
}
