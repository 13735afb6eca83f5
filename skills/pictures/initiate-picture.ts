import { randomUUID } from 'node:crypto'
import { Op, Transaction } from 'sequelize'
import { type Actor } from '../../kernel/pipeline/actor'
import { type Context } from '../../kernel/pipeline/context'
import { operation } from '../../kernel/pipeline/operation'
import { invalidField } from '../../kernel/pipeline/refusals'
import { id, line, oneOf, optional, shape, type Value, integer } from '../../kernel/pipeline/schema'
import { refuseTooMany } from '../../kernel/pipeline/refuse-too-many'
import { presignIncoming, putRequestView, sha256Hex, urlExpiry } from '../../kernel/platform/incoming-files'
import { Picture, Profile, type Track } from '../../models'
import { mayEditTrack } from '../tracks/rules'
import { loadVisibleTrack } from '../tracks/views'
import { pictureChanged } from './events'
import { tooManyPictures } from './refusals'
import { pendingPicturesMax, pictureBytesMax, pictureLifeMs, picturePutLifeMs, pictureTypes } from './rules'
import { pictureView, viewPicture } from './views'

const declared = shape({
  purpose: oneOf('avatar', 'artwork'),
  /** The track of an artwork; omitted for an avatar. */
  trackId: optional(id),
  fileName: line(255),
  contentType: oneOf(...pictureTypes),
  sizeBytes: integer(1, pictureBytesMax),
  sha256: sha256Hex,
})

export const initiatePicture = operation({
  name: 'pictures.initiatePicture',
  route: 'POST /pictures',
  summary: 'Start a picture upload',
  description: 'For your avatar, or the artwork of one of your tracks. The answer has the URL to PUT the file to.',
  auth: 'signed-in',
  input: declared,
  output: shape({ picture: pictureView, putRequest: putRequestView }),
  limit: { perMinute: 30 },
  idempotency: 'keyed',
  status: 201,
  refuses: [tooManyPictures],

  async load(input, context) {
    const track = await trackFor(input, context)
    return { track, pending: await pendingPictures(context) }
  },

  allow: (actor, { track }) => track === null || mayEditTrack(actor, track),

  async run({ input, subject: { pending }, actor }, context) {
    const { now } = context
    refuseTooMany(pending, pendingPicturesMax, now, tooManyPictures)
    const expiresAt = new Date(now.getTime() + pictureLifeMs)
    const times = { createdAt: now, expiresAt, putUrlExpiresAt: urlExpiry(now, picturePutLifeMs, expiresAt) }
    // A random id, not a time-ordered one: it is the secret part of a public URL.
    const picture = await Picture.create({
      ...input,
      ...times,
      id: randomUUID(),
      ownerId: actor.id,
      state: 'initiated',
    })
    const view = viewPicture(picture)
    await context.emit(pictureChanged, { ownerId: actor.id, picture: view })
    return { picture: view, putRequest: await presignIncoming(picture, context) }
  },
})

/** @throws `not_found` when the caller may not see the track; `invalid_input` when purpose and track disagree */
async function trackFor({ purpose, trackId }: Value<typeof declared>, context: Context<Actor>): Promise<Track | null> {
  if ((purpose === 'artwork') !== (trackId !== undefined))
    throw purpose === 'artwork'
      ? invalidField('trackId', 'required', 'trackId is required for artwork')
      : invalidField('trackId', 'not_allowed', 'trackId is allowed for artwork only')
  return trackId === undefined ? null : loadVisibleTrack(trackId, context)
}

type Pending = readonly Pick<Picture, 'expiresAt'>[]

/**
 * Loads a person's pending pictures, the first to expire first. Locks the profile, so that concurrent calls cannot
 * exceed the limit.
 */
async function pendingPictures({ actor, now }: Context<Actor>): Promise<Pending> {
  await Profile.findByPk(actor.id, { attributes: ['id'], lock: Transaction.LOCK.NO_KEY_UPDATE })
  const unsent = { state: 'initiated', expiresAt: { [Op.gt]: now } }
  return Picture.findAll({
    attributes: ['expiresAt'],
    where: { ownerId: actor.id, [Op.or]: [unsent, { state: 'uploaded' }] },
    order: ['expiresAt'],
    limit: pendingPicturesMax,
  })
}
