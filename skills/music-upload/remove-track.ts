import { Transaction } from 'sequelize'
import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { done, id, isDone, shape } from '../../kernel/schema'
import { Profile, Track, Upload } from '../../models'
import { mayRemoveTrack } from '../streaming/rules'
import { visibleTrack } from '../streaming/views'
import { uploadChanged } from './events'
import { forgetIncoming } from './places'
import { advance, isFinal, nothingMore } from './upload-state'
import { viewUpload } from './views'
import { withdrawTrack } from './withdraw-track'

export const removeTrack = operation({
  name: 'music-upload.removeTrack',
  route: 'DELETE /tracks/:trackId',
  summary: 'Delete a track',
  description: 'Works also while the track is being processed, and aborts its uploads. For its artist and moderators.',
  who: 'signed-in',
  input: shape({ trackId: id }),
  output: done,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  async load({ trackId }, context) {
    const track = await Track.findByPk(trackId)
    if (track === null) throw refusals.notFound()
    // A repeat by the owner or a moderator gets the same answer; to everybody else the track is gone.
    if (track.removedAt === null || !mayRemoveTrack(context.actor, track)) await visibleTrack(trackId, context)
    await waitForInitiates(track)
    // Lock in the order of ids, so that concurrent calls cannot deadlock.
    return { track, uploads: await Upload.findAll({ where: { trackId }, order: ['id'], lock: true }) }
  },

  allow: (actor, { track }) => mayRemoveTrack(actor, track),

  async run({ subject: { track, uploads } }, context) {
    await withdrawTrack(track.id, context)
    for (const upload of uploads.filter(({ state }) => !isFinal(state))) {
      await upload.update({ state: advance(upload.state, 'aborted'), ...nothingMore })
      await context.emit(uploadChanged, { ownerId: upload.ownerId, upload: viewUpload(upload) })
      await forgetIncoming(upload, context)
    }
    return isDone
  },
})

/**
 * Waits for concurrent `initiateUpload` calls, which lock the artist's profile: an upload they create is found here,
 * or is refused because the track is deleted. Lock order: profile before uploads. A share lock is enough, and does
 * not block others that hold the profile shared together with a track.
 */
const waitForInitiates = ({ ownerId }: Track) =>
  Profile.findByPk(ownerId, { attributes: ['id'], lock: Transaction.LOCK.SHARE })
