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
  summary:
    'Change the words or the visibility of a track of yours, whether it may be downloaded, or when it is released: until ' +
    'then it is yours alone. An instant in the past, or null, is at once. What is left out stays.',
  who: 'signed-in',
  input: changes,
  output: trackView,
  limit: { perMinute: 60 },
  idempotency: 'natural',
  refuses: [alreadyReleased],

  async load({ trackId, visibility }, context) {
    if (visibility === 'followers') await waitForFollows(context.actor)
    return visibleTrack(trackId, context, { lock: true })
  },

  allow: mayEditTrack,

  async run({ input, subject: track }, context) {
    if (input.rev !== undefined && input.rev !== track.rev)
      throw refusals.staleRevision(undefined, { current: await viewTrack(track, context) })
    const { visibility } = input
    const releaseAt = releaseInstant(input.releaseAt, context.now)
    const plan = planRelease(track, { visibility, releaseAt }, context.now)
    await changeTrack(track, { ...wordsOf(input), ...plan }, context)
    if (releaseAt != null) await scheduleRelease(track, context)
    if (input.isDownloadable === true && track.state === 'ready') await enqueueCopy(track.id, context)
    return viewTrack(track, context)
  },
})

function wordsOf({ title, description, genre, isDownloadable }: Value<typeof changes>) {
  return {
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(genre === undefined ? {} : { genre }),
    ...(isDownloadable === undefined ? {} : { isDownloadable }),
  }
}

/**
 * Whoever stops following at this moment has done so before the followers' rights are asked for again, or finds a track
 * for followers and has theirs asked for: ending a follow holds both profiles. Before the track, as everywhere: whoever
 * announces other audio for it does so too.
 */
const waitForFollows = ({ id: artistId }: Actor) =>
  Profile.findByPk(artistId, { attributes: ['id'], lock: Transaction.LOCK.SHARE })
