import { type Context } from '../../kernel/pipeline/context'
import { deleteIncoming } from '../../kernel/platform/delete-objects'
import { Picture } from '../../models'
import { pictureChanged } from './events'
import { type PictureTarget, lockTarget, showPicture, shownPictureId } from './picture-target'
import { transition } from './picture-state'
import { deletePictureFiles } from './object-keys'
import { endPicture } from './end-picture'
import { replacedFilesLifeMs } from './rules'
import { viewPicture } from './views'

/** The picture was aborted or removed during processing, or another worker finished it. */
export class Superseded extends Error {}

/**
 * Shows a rendered picture, unless a picture that was finalized later is shown already: the last finalized wins,
 * whichever was rendered first. Files of the replaced picture stay for a while, for pages that show it.
 * @throws Superseded
 */
export async function finishProcessing(pictureId: string, color: string, context: Context): Promise<void> {
  // Read before locking, since the target, which never changes, must be locked first.
  const known = await Picture.findByPk(pictureId)
  const target = known === null ? undefined : await lockTarget(known)
  const picture = await lockProcessing(pictureId)
  // Initiated while its track was being deleted, so that the deletion missed it.
  if (target === undefined) return endPicture(picture, context)
  const shown = await lockShownPicture(target)
  await deleteIncoming(picture, context)
  if (shown !== null && wasFinalizedLater(shown, picture)) {
    await updatePicture(
      picture,
      { state: transition(picture.state, 'replaced'), color, replacedAt: context.now },
      context,
    )
    await deletePictureFiles(picture.id, context)
    return
  }
  await updatePicture(picture, { state: transition(picture.state, 'ready'), color }, context)
  await showPicture(target, { id: picture.id, color }, context)
  if (shown === null) return
  await updatePicture(shown, { state: transition(shown.state, 'replaced'), replacedAt: context.now }, context)
  await deletePictureFiles(shown.id, context, new Date(context.now.getTime() + replacedFilesLifeMs))
}

/** Ends a picture that cannot be shown. */
export async function failProcessing(
  pictureId: string,
  state: 'rejected' | 'failed',
  error: { code: string; message: string },
  context: Context,
): Promise<void> {
  const picture = await Picture.findByPk(pictureId, { lock: true })
  if (picture?.state !== 'uploaded') return
  await updatePicture(picture, { state: transition(picture.state, state), error }, context)
  await deleteIncoming(picture, context)
  await deletePictureFiles(picture.id, context)
}

export const serverFailure = {
  code: 'processing_failed',
  message: 'Something went wrong on our side. Please send your picture again.',
}

/** @throws Superseded */
async function lockProcessing(pictureId: string): Promise<Picture> {
  const picture = await Picture.findByPk(pictureId, { lock: true })
  if (picture?.state !== 'uploaded') throw new Superseded()
  return picture
}

const lockShownPicture = async (target: PictureTarget): Promise<Picture | null> => {
  const shownId = shownPictureId(target)
  return shownId === null ? null : Picture.findByPk(shownId, { lock: true })
}

const wasFinalizedLater = (one: Picture, other: Picture): boolean =>
  BigInt(one.finalizeOrder ?? 0) > BigInt(other.finalizeOrder ?? 0)

async function updatePicture(
  picture: Picture,
  changes: Partial<Pick<Picture, 'state' | 'color' | 'error' | 'replacedAt'>>,
  { emit }: Pick<Context, 'emit'>,
): Promise<void> {
  await picture.update(changes)
  await emit(pictureChanged, { ownerId: picture.ownerId, picture: viewPicture(picture) })
}
