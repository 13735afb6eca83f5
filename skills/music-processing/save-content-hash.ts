import { type Context } from '../../kernel/pipeline/context'
import { Upload } from '../../models'
import { findDuplicateTrack } from '../music-upload/views'

/**
 * Stores the SHA-256 that the worker computed when the client declared none, and the track of the same owner with the
 * same file.
 */
export async function saveContentHash(uploadId: string, sha256: string, context: Pick<Context, 'app'>): Promise<void> {
  const upload = await Upload.findByPk(uploadId, { lock: true })
  if (upload?.state !== 'processing' || upload.sha256 !== null) return
  await upload.update({ sha256, duplicateOf: await findDuplicateTrack(upload.ownerId, sha256, context) })
}
