import { type Context } from '../../kernel/context'
import { type Value } from '../../kernel/schema'
import { type Upload } from '../../models'
import { type PartPlan } from './part-plan'
import { incomingKey } from './places'
import { type partsSentView } from './views'

const listTimeoutMs = 3_000

/** Which parts the store has. What it does not answer is `unavailable`: who resumes must not take that for none. */
export async function sentParts(
  { id, multipartId }: Upload,
  { count, bytesOf, partBytes }: PartPlan,
  { world }: Pick<Context, 'world'>,
): Promise<Value<typeof partsSentView>> {
  const plan = { partBytes, count }
  if (multipartId === null) return { ...plan, sent: [] }
  const parts = await world.storage.listParts(incomingKey(id), multipartId, AbortSignal.timeout(listTimeoutMs))
  if (parts !== undefined) {
    const sent = parts.map(({ number, sizeBytes, sha256 }) => ({ number, sizeBytes, sha256: toHex(sha256) }))
    return { ...plan, sent }
  }
  // A finalize that was cut short has made an object of them already.
  if ((await world.storage.head(incomingKey(id))) === undefined) return { ...plan, sent: [] }
  const numbers = Array.from({ length: count }, (_, index) => index + 1)
  return { ...plan, sent: numbers.map(number => ({ number, sizeBytes: bytesOf(number), sha256: null })) }
}

const toHex = (base64: string | null) => (base64 === null ? null : Buffer.from(base64, 'base64').toString('hex'))
