import { randomUUID } from 'node:crypto'
import { Op, Transaction } from 'sequelize'
import { type Actor } from '../../kernel/actor'
import { type Context } from '../../kernel/context'
import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { id, line, oneOf, optional, pattern, shape, type Value, whole } from '../../kernel/schema'
import { Picture, Profile, type Track } from '../../models'
import { putView } from '../music-upload/views'
import { mayEditTrack } from '../streaming/rules'
import { visibleTrack } from '../streaming/views'
import { pictureChanged } from './events'
import { presignFor, putExpiry } from './presign'
import { tooManyPictures } from './refusals'
import { pendingPicturesMax, pictureBytesMax, pictureLifeMs, pictureTypes } from './rules'
import { pictureView, viewPicture } from './views'

const announced = shape({
  purpose: oneOf('avatar', 'artwork'),
  /** The track whose artwork it is to be; none for an avatar. */
  trackId: optional(id),
  fileName: line(255),
  contentType: oneOf(...pictureTypes),
  sizeBytes: whole(1, pictureBytesMax),
  sha256: pattern(/^[0-9a-f]{64}$/, 64),
})

export const initiatePicture = operation({
  name: 'pictures.initiatePicture',
  route: 'POST /pictures',
  summary: 'Announce a picture: your avatar, or the artwork of a track of yours. The answer says where to PUT it.',
  who: 'signed-in',
  input: announced,
  output: shape({ picture: pictureView, put: putView }),
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
    refuseTooMany(pending, now)
    const expiresAt = new Date(now.getTime() + pictureLifeMs)
    const times = { createdAt: now, expiresAt, putExpiresAt: putExpiry(now, expiresAt) }
    // Not the time-ordered ids of everything else: this one is the secret part of an address that needs no other key.
    const picture = await Picture.create({
      ...input,
      ...times,
      id: randomUUID(),
      ownerId: actor.id,
      state: 'initiated',
    })
    const view = viewPicture(picture)
    await context.emit(pictureChanged, { ownerId: actor.id, picture: view })
    return { picture: view, put: await presignFor(picture, context) }
  },
})

/** @throws `not_found` when the caller may not know of the track, `invalid_input` when purpose and track disagree. */
async function trackFor({ purpose, trackId }: Value<typeof announced>, context: Context<Actor>): Promise<Track | null> {
  if ((purpose === 'artwork') !== (trackId !== undefined))
    throw refusals.invalidInput(undefined, {
      errors: [
        purpose === 'artwork'
          ? { path: 'trackId', code: 'required', message: 'trackId is required for artwork' }
          : { path: 'trackId', code: 'not_allowed', message: 'trackId is for artwork alone' },
      ],
    })
  return trackId === undefined ? null : visibleTrack(trackId, context)
}

type Pending = readonly Pick<Picture, 'expiresAt'>[]

/** Serialises what a person announces at once, or one too many slips through. What expires first comes first. */
async function pendingPictures({ actor, now }: Context<Actor>): Promise<Pending> {
  await Profile.findByPk(actor.id, { attributes: ['id'], lock: Transaction.LOCK.NO_KEY_UPDATE })
  const waiting = { state: 'initiated', expiresAt: { [Op.gt]: now } }
  return Picture.findAll({
    attributes: ['expiresAt'],
    where: { ownerId: actor.id, [Op.or]: [waiting, { state: 'uploaded' }] },
    order: ['expiresAt'],
    limit: pendingPicturesMax,
  })
}

function refuseTooMany(pending: Pending, now: Date): void {
  const [first] = pending
  if (first === undefined || pending.length < pendingPicturesMax) return
  // One that is worked on may have waited for longer than for its file.
  const waitMs = Math.max(first.expiresAt.getTime() - now.getTime(), 1_000)
  throw tooManyPictures(undefined, { retryAfter: Math.ceil(waitMs / 1_000) })
}
