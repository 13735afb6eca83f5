import { type Context } from '../../kernel/pipeline/context'
import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { type StoredObject } from '../../kernel/platform/storage'
import { type Picture } from '../../models'
import { pictureChanged } from './events'
import { loadOwnPicture, refuseClosed } from './load-own-picture'
import { transition } from './picture-state'
import { incomingKey } from './object-keys'
import { processPicture } from './process-picture'
import { pictureAborted, pictureExpired, fileMismatch, fileMissing } from './refusals'
import { pictureView, viewPicture } from './views'

export const finalizePicture = operation({
  name: 'pictures.finalizePicture',
  route: 'POST /pictures/:pictureId/finalize',
  summary: 'Finalize a picture after sending its file',
  description: 'A worker renders it, and then it is shown.',
  auth: 'signed-in',
  input: shape({ pictureId: id }),
  output: pictureView,
  limit: { perMinute: 60 },
  idempotency: 'natural',
  status: 202,
  refuses: [fileMissing, fileMismatch, pictureAborted, pictureExpired],

  async beforeTransaction({ pictureId }, context) {
    const picture = await loadOwnPicture(pictureId, context)
    refuseClosed(picture, context.now)
    if (picture.state !== 'initiated') return null
    const found = await context.app.storage.head(incomingKey(pictureId))
    if (found !== undefined && matchesDeclaration(found, picture)) return found
    // When a concurrent call finalized the picture, its file may already be rendered and deleted.
    if ((await loadOwnPicture(pictureId, context)).state !== 'initiated') return null
    throw found === undefined ? fileMissing() : fileMismatch()
  },

  load: ({ pictureId }, context) => loadOwnPicture(pictureId, context, { lock: true }),

  allow: () => true,

  async run({ subject: picture, prepared: found }, context) {
    refuseClosed(picture, context.now)
    // Of concurrent calls the first claims the picture; the others find it claimed.
    if (picture.state === 'initiated' && found !== null) await claim(picture, found, context)
    return viewPicture(picture)
  },
})

/** Pins the picture to these bytes, and orders it after all that were finalized before. */
async function claim(picture: Picture, { etag }: StoredObject, context: Context): Promise<void> {
  const { now, app, emit, enqueue } = context
  const [next] = await app.db.query<{ finalizeOrder: string }>(
    `select nextval('picture_finalize_order') as "finalizeOrder"`,
    {},
  )
  await picture.update({
    ...{ state: transition(picture.state, 'uploaded'), etag },
    ...{ finalizeOrder: next?.finalizeOrder ?? null, uploadedAt: now },
  })
  await emit(pictureChanged, { ownerId: picture.ownerId, picture: viewPicture(picture) })
  await enqueue(processPicture, { pictureId: picture.id }, { key: `picture:${picture.id}` })
}

/** Accept a store that returns no checksum: the worker hashes the file when it downloads it. */
const matchesDeclaration = ({ sizeBytes, sha256 }: StoredObject, picture: Picture): boolean =>
  sizeBytes === picture.sizeBytes &&
  (sha256 === undefined || sha256 === Buffer.from(picture.sha256, 'hex').toString('base64'))
