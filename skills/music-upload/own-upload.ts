import { type Actor } from '../../kernel/actor'
import { type Context } from '../../kernel/context'
import { refusals } from '../../kernel/refusals'
import { Upload } from '../../models'
import { uploadAborted, uploadExpired } from './refusals'

/**
 * An upload of the caller, locked when asked to. Uploads are locked before tracks, everywhere.
 * @throws `not_found` also when it is somebody else's.
 */
export async function ownUpload(
  uploadId: string,
  { actor }: Pick<Context<Actor>, 'actor'>,
  { lock = false } = {},
): Promise<Upload> {
  const upload = await Upload.findByPk(uploadId, lock ? { lock: true } : {})
  if (upload?.ownerId !== actor.id) throw refusals.notFound()
  return upload
}

/** @throws `upload_aborted`, `upload_expired` when its file is not wanted any more. */
export function refuseUnwanted({ state, expiresAt }: Upload, now: Date): void {
  if (state === 'aborted') throw uploadAborted()
  if (state === 'expired' || (state === 'initiated' && expiresAt <= now)) throw uploadExpired()
}
