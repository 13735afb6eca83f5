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

  load: ({ pictureId }, context) => ownPicture(pictureId, context, { lock: true }),

  allow: () => true,

  async run({ subject: picture }, context) {
    refuseUnwanted(picture, context.now)
    if (picture.state === 'initiated') await takeOver(picture, context)
    return viewPicture(picture)
  },
})

/** From here on the picture stands for these very bytes, and comes after all that were finalized before it. */
async function takeOver(picture: Picture, { now, world, emit, enqueue }: Context): Promise<void> {
  const found = await world.storage.head(incomingKey(picture.id))
  if (found === undefined) throw pictureMissing()
  if (!isAsAnnounced(found, picture)) throw pictureMismatch()
  const [next] = await world.db.query<{ turn: string }>(`select nextval('picture_turns') as turn`, {})
  await picture.update({
    ...{ state: advance(picture.state, 'uploaded'), etag: found.etag },
    ...{ turn: next?.turn ?? null, uploadedAt: now },
  })
  await emit(pictureChanged, { ownerId: picture.ownerId, picture: viewPicture(picture) })
  await enqueue(processPicture, { pictureId: picture.id }, { key: `picture:${picture.id}` })
}

/** A store that shows no checksum is believed for now: the worker hashes what it fetches. */
const isAsAnnounced = ({ sizeBytes, sha256 }: StoredObject, picture: Picture): boolean =>
  sizeBytes === picture.sizeBytes &&
  (sha256 === undefined || sha256 === Buffer.from(picture.sha256, 'hex').toString('base64'))
