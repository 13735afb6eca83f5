import { type Context } from '../../kernel/pipeline/context'
import { deleteIncoming } from '../../kernel/platform/delete-objects'
import { type Picture } from '../../models'
import { pictureChanged } from './events'
import { transition } from './picture-state'
import { deletePictureFiles } from './object-keys'
import { viewPicture } from './views'

/** Ends a locked picture in any state, and deletes all of its files. */
export async function endPicture(picture: Picture, context: Context): Promise<void> {
  const to = picture.state === 'initiated' ? 'aborted' : 'removed'
  await picture.update({ state: transition(picture.state, to) })
  await context.emit(pictureChanged, { ownerId: picture.ownerId, picture: viewPicture(picture) })
  await deleteIncoming(picture, context)
  await deletePictureFiles(picture.id, context)
}
