import { type Context } from '../../kernel/context'
import { type Picture } from '../../models'
import { pictureChanged } from './events'
import { advance } from './picture-state'
import { forgetFiles, forgetIncoming } from './places'
import { viewPicture } from './views'

/** Ends a locked picture in any state, and deletes all of its files. */
export async function retire(picture: Picture, context: Context): Promise<void> {
  const to = picture.state === 'initiated' ? 'aborted' : 'removed'
  await picture.update({ state: advance(picture.state, to) })
  await context.emit(pictureChanged, { ownerId: picture.ownerId, picture: viewPicture(picture) })
  await forgetIncoming(picture, context)
  await forgetFiles(picture.id, context)
}
