import { Transaction } from 'sequelize'
import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { done, id, doneAnswer, shape } from '../../kernel/pipeline/schema'
import { Profile, Track, Upload } from '../../models'
import { mayDeleteTrack } from './rules'
import { loadVisibleTrack } from './views'
import { markTrackDeleted } from './mark-track-deleted'

export const deleteTrack = operation({
  name: 'tracks.deleteTrack',
  route: 'DELETE /tracks/:trackId',
  summary: 'Delete a track',
  description: 'Works also while the track is being processed, and aborts its uploads. For its artist and moderators.',
  auth: 'signed-in',
  input: shape({ trackId: id }),
  output: done,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  async load({ trackId }, context) {
    const track = await Track.findByPk(trackId)
    if (track === null) throw refusals.notFound()
    // A repeat by the owner or a moderator gets the same answer; to everybody else the track is gone.
    if (track.deletedAt === null || !mayDeleteTrack(context.actor, track)) await loadVisibleTrack(trackId, context)
    await waitForInitiates(track)
    // Lock order: uploads before tracks, and by id, so that concurrent calls cannot deadlock. music-upload aborts them
    // when it reacts to the deletion, and finds them locked.
    await Upload.findAll({ where: { trackId }, attributes: ['id'], order: ['id'], lock: true })
    return track
  },

  allow: mayDeleteTrack,

  async run({ subject: track }, context) {
    await markTrackDeleted(track.id, context)
    return doneAnswer
  },
})

/**
 * Waits for concurrent `initiateUpload` calls, which lock the artist's profile: an upload they create is found here,
 * or is refused because the track is deleted. Lock order: profile before uploads. A share lock is enough, and does
 * not block others that hold the profile shared together with a track.
 */
const waitForInitiates = ({ ownerId }: Track) =>
  Profile.findByPk(ownerId, { attributes: ['id'], lock: Transaction.LOCK.SHARE })
