import { type Context } from '../../kernel/context'
import { Upload } from '../../models'
import { trackOfSameContent } from './same-content'

/**
 * What the worker has found a file to hold, when nobody has said it before: from here on it is known by its SHA-256 like any
 * other. Who hears of the upload next hears of the track that has the same file, if there is one.
 */
export async function noteContent(uploadId: string, sha256: string, context: Pick<Context, 'world'>): Promise<void> {
  const upload = await Upload.findByPk(uploadId, { lock: true })
  if (upload?.state !== 'processing' || upload.sha256 !== null) return
  await upload.update({ sha256, duplicateOf: await trackOfSameContent(upload.ownerId, sha256, context) })
}
