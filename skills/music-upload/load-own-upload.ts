import { type Actor } from '../../kernel/pipeline/actor'
import { type Context } from '../../kernel/pipeline/context'
import { refusals } from '../../kernel/pipeline/refusals'
import { Upload } from '../../models'
import { uploadAborted, uploadExpired } from './refusals'

/**
 * Loads an upload of the caller, with a row lock on request. Lock order: uploads before tracks.
 * @throws `not_found` also for somebody else's upload
 */
export async function loadOwnUpload(
  uploadId: string,
  { actor }: Pick<Context<Actor>, 'actor'>,
  { lock = false } = {},
): Promise<Upload> {
  const upload = await Upload.findByPk(uploadId, lock ? { lock: true } : {})
  if (upload?.ownerId !== actor.id) throw refusals.notFound()
  return upload
}

/** @throws `upload_aborted`, `upload_expired` when the upload no longer accepts its file */
export function refuseClosed({ state, expiresAt }: Upload, now: Date): void {
  if (state === 'aborted') throw uploadAborted()
  if (state === 'expired' || (state === 'initiated' && expiresAt <= now)) throw uploadExpired()
}
