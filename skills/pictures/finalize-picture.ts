import { type Context } from '../../kernel/pipeline/context'
import { loadOwnRow } from '../../kernel/pipeline/load-own-row'
import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { fileMismatch, fileMissing, findIncoming } from '../../kernel/platform/incoming-files'
import { Picture } from '../../models'
import { pictureChanged } from './events'
import { transition } from './picture-state'
import { enqueueRendering } from './process-picture'
import { refuseClosedPicture, pictureAborted, pictureExpired } from './refusals'
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
    const picture = await loadOwnRow(Picture, pictureId, context)
    refuseClosedPicture(picture, context.now)
    if (picture.state !== 'initiated') return null
    try {
      return await findIncoming(picture, context)
    } catch (error) {
      // When a concurrent call finalized the picture, its file may already be rendered and deleted.
      if ((await loadOwnRow(Picture, pictureId, context)).state !== 'initiated') return null
      throw error
    }
  },

  load: ({ pictureId }, context) => loadOwnRow(Picture, pictureId, context, { lock: true }),

  allow: () => true,

  async run({ subject: picture, prepared: found }, context) {
    refuseClosedPicture(picture, context.now)
    // Of concurrent calls the first claims the picture; the others find it claimed.
    if (picture.state === 'initiated' && found !== null) await claim(picture, found, context)
    return viewPicture(picture)
  },
})

/** Pins the picture to these bytes, and orders it after all that were finalized before. */
async function claim(picture: Picture, { etag }: { etag: string }, context: Context): Promise<void> {
  const { now, app, emit } = context
  const [next] = await app.db.query<{ finalizeOrder: string }>(
    `select nextval('picture_finalize_order') as "finalizeOrder"`,
    {},
  )
  await picture.update({
    ...{ state: transition(picture.state, 'uploaded'), etag },
    ...{ finalizeOrder: next?.finalizeOrder ?? null, uploadedAt: now },
  })
  await emit(pictureChanged, { ownerId: picture.ownerId, picture: viewPicture(picture) })
  await enqueueRendering(picture.id, context)
}
