import { type Context } from '../../kernel/pipeline/context'
import { type Value } from '../../kernel/pipeline/schema'
import { type Upload } from '../../models'
import { type PartPlan } from './part-plan'
import { incomingKey } from '../../kernel/platform/incoming-files'
import { type partsSentView } from './views'

const listTimeoutMs = 3_000

/**
 * Lists the parts that the store has. A store error is `unavailable`: a client that resumes must not take it for an
 * empty list.
 */
export async function listSentParts(
  { id, multipartId }: Upload,
  { count, bytesOfPart, partBytes }: PartPlan,
  { app }: Pick<Context, 'app'>,
): Promise<Value<typeof partsSentView>> {
  const plan = { partBytes, count }
  if (multipartId === null) return { ...plan, sent: [] }
  const parts = await app.storage.listParts(incomingKey(id), multipartId, AbortSignal.timeout(listTimeoutMs))
  if (parts !== undefined) {
    const sent = parts.map(({ number, sizeBytes, sha256 }) => ({ number, sizeBytes, sha256: toHex(sha256) }))
    return { ...plan, sent }
  }
  // An interrupted finalize has completed the object already.
  if ((await app.storage.head(incomingKey(id))) === undefined) return { ...plan, sent: [] }
  const numbers = Array.from({ length: count }, (_, index) => index + 1)
  return { ...plan, sent: numbers.map(number => ({ number, sizeBytes: bytesOfPart(number), sha256: null })) }
}

const toHex = (base64: string | null) => (base64 === null ? null : Buffer.from(base64, 'base64').toString('hex'))
