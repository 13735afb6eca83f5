import { Refusal, type RefusalKind, refusals } from '../pipeline/refusals'
import { emptyObject, parse } from '../pipeline/schema'
import { type Json } from './schema-components'

/** The problem object of each refusal, by code: made from the refusal itself, so that it is what a client receives. */
export function problemExamples(kinds: readonly RefusalKind[]): Json {
  const byCode = new Map(kinds.map(kind => [kind.code, problemOf(kind)]))
  return Object.fromEntries([...byCode].sort(([a], [b]) => (a < b ? -1 : 1)).map(([code, value]) => [code, { value }]))
}

const requestId = '01900000-0000-7000-8000-000000000000'

function problemOf(kind: RefusalKind): Json {
  const refused = kind === refusals.invalidInput ? refusedInput() : kind(undefined, retryAfterOf(kind))
  return { ...refused.toProblem(requestId) }
}

const retryAfterOf = ({ status }: RefusalKind) => (status === 429 || status === 503 ? { retryAfter: 2 } : {})

function refusedInput(): Refusal {
  try {
    parse(emptyObject, { surprise: true })
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
  throw new Error('an unknown field was accepted')
}
