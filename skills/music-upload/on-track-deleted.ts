import { reaction } from '../../kernel/events/reaction'
import { deleteIncoming } from '../../kernel/platform/delete-objects'
import { Upload } from '../../models'
import { trackDeleted } from '../tracks/events'
import { uploadChanged } from './events'
import { clearedProgress, isFinal, transition } from './rules'
import { viewUpload } from './views'

export const onTrackDeleted = reaction({
  to: trackDeleted,
  because: 'deleting a track aborts its uploads',
  async react({ trackId }, context) {
    // `deleteTrack` has locked them before the track. An abort that deletes its track locks them after it, against the
    // order, and so must not wait: at that time only expired uploads are left.
    const uploads = await Upload.findAll({ where: { trackId }, order: ['id'], lock: true, skipLocked: true })
    for (const upload of uploads.filter(({ state }) => !isFinal(state))) {
      await upload.update({ state: transition(upload.state, 'aborted'), ...clearedProgress })
      await context.emit(uploadChanged, { ownerId: upload.ownerId, upload: viewUpload(upload) })
      await deleteIncoming(upload, context)
    }
  },
})
