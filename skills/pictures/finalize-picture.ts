import { type Context } from '../../kernel/context'
import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { type StoredObject } from '../../kernel/world/storage'
import { type Picture } from '../../models'
import { pictureChanged } from './events'
import { ownPicture, refuseUnwanted } from './own-picture'
import { advance } from './picture-state'
import { incomingKey } from './places'
import { processPicture } from './process-picture'
import { pictureAborted, pictureExpired, pictureMismatch, pictureMissing } from './refusals'
import { pictureView, viewPicture } from './views'

export const finalizePicture = operation({
  name: 'pictures.finalizePicture',
  route: 'POST /pictures/:pictureId/finalize',
  summary: 'Say that a picture was sent: a worker redraws it, and then it is shown. Saying so again changes nothing.',
  who: 'signed-in',
  input: shape({ pictureId: id }),
  output: pictureView,
  limit: { perMinute: 60 },
  idempotency: 'natural',
  status: 202,
  refuses: [pictureMissing, pictureMismatch, pictureAborted, pictureExpired],

  async ask({ pictureId }, context) {
    const picture = await ownPicture(pictureId, context)
    refuseUnwanted(picture, context.now)
    if (picture.state !== 'initiated') return null
    const found = await context.world.storage.head(incomingKey(pictureId))
    if (found !== undefined && isAsAnnounced(found, picture)) return found
    // The file of one that somebody else finalized meanwhile may be drawn already, and gone.
    if ((await ownPicture(pictureId, context)).state !== 'initiated') return null
    throw found === undefined ? pictureMissing() : pictureMismatch()
  },

  load: ({ pictureId }, context) => ownPicture(pictureId, context, { lock: true }),

  allow: () => true,

  async run({ subject: picture, asked: found }, context) {
    refuseUnwanted(picture, context.now)
    // Of many that say so at once the first takes it over; the others find that done.
    if (picture.state === 'initiated' && found !== null) await takeOver(picture, found, context)
    return viewPicture(picture)
  },
})

/** From here on the picture stands for these very bytes, and comes after all that were finalized before it. */
async function takeOver(picture: Picture, { etag }: StoredObject, context: Context): Promise<void> {
  const { now, world, emit, enqueue } = context
  const [next] = await world.db.query<{ turn: string }>(`select nextval('picture_turns') as turn`, {})
  await picture.update({
    ...{ state: advance(picture.state, 'uploaded'), etag },
    ...{ turn: next?.turn ?? null, uploadedAt: now },
  })
  await emit(pictureChanged, { ownerId: picture.ownerId, picture: viewPicture(picture) })
  await enqueue(processPicture, { pictureId: picture.id }, { key: `picture:${picture.id}` })
}

/** A store that shows no checksum is believed for now: the worker hashes what it fetches. */
const isAsAnnounced = ({ sizeBytes, sha256 }: StoredObject, picture: Picture): boolean =>
  sizeBytes === picture.sizeBytes &&
  (sha256 === undefined || sha256 === Buffer.from(picture.sha256, 'hex').toString('base64'))
