import { Transaction } from 'sequelize'
import { type Actor } from '../../kernel/pipeline/actor'
import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { count, id, optional, shape, type Value } from '../../kernel/pipeline/schema'
import { Profile } from '../../models'
import { alreadyReleased, mayEditTrack, parseReleaseAt, planRelease } from './rules'
import { trackInputFields, trackView, viewTrack, loadVisibleTrack } from './views'
import { changeTrack } from './change-track'
import { downloadsAllowed } from './events'
import { scheduleRelease } from './release-track'

const changes = shape({
  trackId: id,
  rev: optional(count),
  title: optional(trackInputFields.title),
  description: optional(trackInputFields.description),
  genre: optional(trackInputFields.genre),
  visibility: optional(trackInputFields.visibility),
  releaseAt: optional(trackInputFields.releaseAt),
  isDownloadable: optional(trackInputFields.isDownloadable),
})

export const updateTrack = operation({
  name: 'tracks.updateTrack',
  route: 'PATCH /tracks/:trackId',
  summary: 'Update a track',
  description:
    'Changes its metadata, visibility, downloads or release time; omitted fields stay. Until `releaseAt` only its ' +
    'artist can see the track. A time in the past, or null, releases it at once.',
  auth: 'signed-in',
  input: changes,
  output: trackView,
  limit: { perMinute: 60 },
  idempotency: 'natural',
  refuses: [alreadyReleased],

  async load({ trackId, visibility }, context) {
    if (visibility === 'followers') await waitForUnfollows(context.actor)
    return loadVisibleTrack(trackId, context, { lock: true })
  },

  allow: mayEditTrack,

  async run({ input, subject: track }, context) {
    if (input.rev !== undefined && input.rev !== track.rev)
      throw refusals.staleRevision(undefined, { current: await viewTrack(track, context) })
    const { visibility } = input
    const releaseAt = parseReleaseAt(input.releaseAt, context.now)
    const plan = planRelease(track, { visibility, releaseAt }, context.now)
    await changeTrack(track, { ...metadataOf(input), ...plan }, context)
    if (releaseAt != null) await scheduleRelease(track, context)
    if (input.isDownloadable === true && track.state === 'ready')
      await context.emit(downloadsAllowed, { trackId: track.id })
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
