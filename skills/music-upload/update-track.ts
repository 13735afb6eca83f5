import { Transaction } from 'sequelize'
import { type Actor } from '../../kernel/actor'
import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { count, id, optional, shape, type Value } from '../../kernel/schema'
import { Profile } from '../../models'
import { mayEditTrack } from '../streaming/rules'
import { trackView, viewTrack, visibleTrack } from '../streaming/views'
import { changeTrack } from './change-track'
import { enqueueCopy } from './copy-for-download'
import { trackWords } from './fields'
import { planRelease } from './plan-release'
import { alreadyReleased } from './refusals'
import { releaseInstant } from './release-instant'
import { scheduleRelease } from './release-track'

const changes = shape({
  trackId: id,
  rev: optional(count),
  title: optional(trackWords.title),
  description: optional(trackWords.description),
  genre: optional(trackWords.genre),
  visibility: optional(trackWords.visibility),
  releaseAt: optional(trackWords.releaseAt),
  isDownloadable: optional(trackWords.isDownloadable),
})

export const updateTrack = operation({
  name: 'music-upload.updateTrack',
  route: 'PATCH /tracks/:trackId',
  summary: 'Update a track',
  description:
    'Changes its metadata, visibility, downloads or release time; omitted fields stay. Until `releaseAt` only its ' +
    'artist can see the track. A time in the past, or null, releases it at once.',
  who: 'signed-in',
  input: changes,
  output: trackView,
  limit: { perMinute: 60 },
  idempotency: 'natural',
  refuses: [alreadyReleased],

  async load({ trackId, visibility }, context) {
    if (visibility === 'followers') await waitForUnfollows(context.actor)
    return visibleTrack(trackId, context, { lock: true })
  },

  allow: mayEditTrack,

  async run({ input, subject: track }, context) {
    if (input.rev !== undefined && input.rev !== track.rev)
      throw refusals.staleRevision(undefined, { current: await viewTrack(track, context) })
    const { visibility } = input
    const releaseAt = releaseInstant(input.releaseAt, context.now)
    const plan = planRelease(track, { visibility, releaseAt }, context.now)
    await changeTrack(track, { ...metadataOf(input), ...plan }, context)
    if (releaseAt != null) await scheduleRelease(track, context)
    if (input.isDownloadable === true && track.state === 'ready') await enqueueCopy(track.id, context)
    return viewTrack(track, context)
  },
})

function metadataOf({ title, description, genre, isDownloadable }: Value<typeof changes>) {
  return {
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(genre === undefined ? {} : { genre }),
    ...(isDownloadable === undefined ? {} : { isDownloadable }),
  }
}

/**
 * Waits for concurrent unfollows, which lock both profiles: they finish before the access re-check, or find a
 * followers-only track and re-check it themselves. Lock order: profile before track.
 */
const waitForUnfollows = ({ id: artistId }: Actor) =>
  Profile.findByPk(artistId, { attributes: ['id'], lock: Transaction.LOCK.SHARE })
