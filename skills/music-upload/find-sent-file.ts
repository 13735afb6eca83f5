import { type Context } from '../../kernel/pipeline/context'
import { type Upload } from '../../models'
import { findIncoming } from '../../kernel/platform/incoming-files'
import { type CompletedMultipart, completeMultipart } from './complete-parts'
import { partPlan } from './part-plan'

/** The file that the store holds for an upload, and the multipart upload it came from. */
export type SentFile = CompletedMultipart & Pick<Upload, 'multipartId'>

/**
 * Finds the file that was sent; completes its multipart upload first. Call it outside a transaction: the store may
 * take seconds.
 * @throws `file_missing`, `file_mismatch`, `unavailable`
 */
export async function findSentFile(upload: Upload, context: Pick<Context, 'app'>): Promise<SentFile> {
  const plan = partPlan(upload)
  const { multipartId } = upload
  if (plan !== undefined) return { ...(await completeMultipart(upload, plan, context)), multipartId }
  return { ...(await findIncoming(upload, context)), hasLeftoverParts: false, multipartId }
}
