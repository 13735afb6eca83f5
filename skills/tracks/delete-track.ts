import { Transaction } from 'sequelize'
import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { done, id, doneAnswer, shape } from '../../kernel/pipeline/schema'
import { Profile, Track, Upload } from '../../models'
import { mayDeleteTrack } from './rules'
import { loadVisibleTrack } from './views'
import { uploadChanged } from '../music-upload/events'
import { deleteIncoming } from '../music-upload/object-keys'
import { transition, isFinal, clearedProgress } from '../music-upload/upload-state'
import { viewUpload } from '../music-upload/views'
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
    // Lock in the order of ids, so that concurrent calls cannot deadlock.
    return { track, uploads: await Upload.findAll({ where: { trackId }, order: ['id'], lock: true }) }
  },

  allow: (actor, { track }) => mayDeleteTrack(actor, track),

  async run({ subject: { track, uploads } }, context) {
    await markTrackDeleted(track.id, context)
    for (const upload of uploads.filter(({ state }) => !isFinal(state))) {
      await upload.update({ state: transition(upload.state, 'aborted'), ...clearedProgress })
      await context.emit(uploadChanged, { ownerId: upload.ownerId, upload: viewUpload(upload) })
      await deleteIncoming(upload, context)
    }
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
