import { type Context } from '../../kernel/context'
import { operation } from '../../kernel/operation'
import { newId } from '../../kernel/ids'
import { id, shape } from '../../kernel/schema'
import { type StoredObject } from '../../kernel/world/storage'
import { Track, type Upload } from '../../models'
import { uploadChanged } from './events'
import { ownUpload, refuseUnwanted } from './own-upload'
import { incomingKey } from './places'
import { enqueueProcessing } from './process-track'
import { provisionalTitle } from './provisional-title'
import { objectMismatch, objectMissing, replacementPending, uploadAborted, uploadExpired } from './refusals'
import { refuseSecondReplacement } from './replacement'
import { advance } from './upload-state'
import { uploadView, viewUpload } from './views'

export const finalizeUpload = operation({
  name: 'music-upload.finalizeUpload',
  route: 'POST /uploads/:uploadId/finalize',
  summary: 'Say that the file was sent: its track is made, and a worker looks at it. Saying so again changes nothing.',
  who: 'signed-in',
  input: shape({ uploadId: id }),
  output: uploadView,
  limit: { perMinute: 60 },
  idempotency: 'natural',
  status: 202,
  refuses: [objectMissing, objectMismatch, uploadAborted, uploadExpired, replacementPending],

  load: ({ uploadId }, context) => ownUpload(uploadId, context, { lock: true }),

  allow: () => true,

  async run({ subject: upload }, context) {
    refuseUnwanted(upload, context.now)
    if (upload.state === 'initiated') await takeOver(upload, context)
    return viewUpload(upload)
  },
})

/** From here on the upload stands for these very bytes: the copy that is served is made of the ETag seen now. */
async function takeOver(upload: Upload, context: Context): Promise<void> {
  const { world, emit } = context
  const found = await world.storage.head(incomingKey(upload.id))
  if (found === undefined) throw objectMissing()
  if (!isAsAnnounced(found, upload)) throw objectMismatch()
  const track = await trackFor(upload, context)
  await upload.update({ state: advance(upload.state, 'uploaded'), etag: found.etag, trackId: track.id })
  await emit(uploadChanged, { ownerId: upload.ownerId, upload: viewUpload(upload) })
  await enqueueProcessing(upload.id, context)
}

/** A new one, unless the upload brings new audio for one that is there. */
async function trackFor(upload: Upload, { now }: Context): Promise<Track> {
  if (upload.replacesAudio && upload.trackId !== null) return refuseSecondReplacement(upload.trackId)
  const { ownerId, description, genre, visibility } = upload
  return Track.create({
    ...{ id: newId(now), ownerId, description, genre, visibility, createdAt: now },
    title: upload.title ?? provisionalTitle(upload.fileName),
    state: 'processing',
  })
}

/** A store that shows no checksum is believed for now: the worker hashes what it fetches. */
const isAsAnnounced = ({ sizeBytes, sha256 }: StoredObject, upload: Upload): boolean =>
  sizeBytes === Number(upload.sizeBytes) &&
  (sha256 === undefined || sha256 === Buffer.from(upload.sha256, 'hex').toString('base64'))
