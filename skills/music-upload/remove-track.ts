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
  summary: 'Take a track away for good, also while it is worked on. Doing so again changes nothing.',
  who: 'signed-in',
  input: shape({ trackId: id }),
  output: done,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  async load({ trackId }, context) {
    const track = await Track.findByPk(trackId)
    if (track === null) throw refusals.notFound()
    // Who may remove it hears the same again; to everybody else it is gone.
    if (track.removedAt === null || !mayRemoveTrack(context.actor, track)) await visibleTrack(trackId, context)
    await waitForAnnouncements(track)
    // In the order of their ids: two that lock the same never wait for each other in a circle.
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
 * Whoever announces an upload holds the artist's profile, and so do we: audio that is announced for the track at this moment is
 * among its uploads, or is refused since the track is gone. Before any upload, as everywhere. Shared: what else holds the profile
 * while it holds a track shares it too, and need not be waited for.
 */
const waitForAnnouncements = ({ ownerId }: Track) =>
  Profile.findByPk(ownerId, { attributes: ['id'], lock: Transaction.LOCK.SHARE })
