import { type RefusalKind } from '../refusals'
import { type Json } from './schemas'

/** Refusals of one status share a response that names their codes. */
export function refusalResponses(kinds: readonly RefusalKind[]): Json {
  const codes = new Map<number, string[]>()
  for (const kind of kinds) codes.set(kind.status, [...(codes.get(kind.status) ?? []), kind.code])
  return Object.fromEntries(
    [...codes].map(([status, names]) => [
      status,
      {
        description: names.map(name => `\`${name}\``).join(', '),
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    ]),
  )
}
