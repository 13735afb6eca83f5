import { type Context } from '../../kernel/context'
import { Picture } from '../../models'
import { pictureChanged } from './events'
import { type Holder, lockHolder, show, shownOn } from './holder'
import { advance } from './picture-state'
import { forgetFiles, forgetIncoming } from './places'
import { retire } from './retire'
import { replacedKeptMs } from './rules'
import { viewPicture } from './views'

/** The picture was aborted or removed during processing, or another worker finished it. */
export class Overtaken extends Error {}

/**
 * Shows a rendered picture, unless a picture that was finalized later is shown already: the last finalized wins,
 * whichever was rendered first. Files of the replaced picture stay for a while, for pages that show it.
 * @throws Superseded
 */
export async function finish(pictureId: string, color: string, context: Context): Promise<void> {
  // Read before locking, since the target, which never changes, must be locked first.
  const known = await Picture.findByPk(pictureId)
  const holder = known === null ? undefined : await lockHolder(known)
  const picture = await lockProcessing(pictureId)
  // Initiated while its track was being deleted, so that the deletion missed it.
  if (holder === undefined) return retire(picture, context)
  const shown = await lockShownPicture(holder)
  await forgetIncoming(picture, context)
  if (shown !== null && wasFinalizedLater(shown, picture)) {
    await updatePicture(picture, { state: advance(picture.state, 'replaced'), color, replacedAt: context.now }, context)
    await forgetFiles(picture.id, context)
    return
  }
  await updatePicture(picture, { state: advance(picture.state, 'ready'), color }, context)
  await show(holder, { id: picture.id, color }, context)
  if (shown === null) return
  await updatePicture(shown, { state: advance(shown.state, 'replaced'), replacedAt: context.now }, context)
  await forgetFiles(shown.id, context, new Date(context.now.getTime() + replacedKeptMs))
}

/** Ends a picture that cannot be shown. */
export async function giveUp(
  pictureId: string,
  state: 'rejected' | 'failed',
  fault: { code: string; message: string },
  context: Context,
): Promise<void> {
  const picture = await Picture.findByPk(pictureId, { lock: true })
  if (picture?.state !== 'uploaded') return
  await updatePicture(picture, { state: advance(picture.state, state), fault }, context)
  await forgetIncoming(picture, context)
  await forgetFiles(picture.id, context)
}

export const ourFault = {
  code: 'processing_failed',
  message: 'Something went wrong on our side. Please send your picture again.',
}

/** @throws Superseded */
async function lockProcessing(pictureId: string): Promise<Picture> {
  const picture = await Picture.findByPk(pictureId, { lock: true })
  if (picture?.state !== 'uploaded') throw new Overtaken()
  return picture
}

const lockShownPicture = async (holder: Holder): Promise<Picture | null> => {
  const shownId = shownOn(holder)
  return shownId === null ? null : Picture.findByPk(shownId, { lock: true })
}

const wasFinalizedLater = (one: Picture, other: Picture): boolean => BigInt(one.turn ?? 0) > BigInt(other.turn ?? 0)

async function updatePicture(
  picture: Picture,
  changes: Partial<Pick<Picture, 'state' | 'color' | 'fault' | 'replacedAt'>>,
  { emit }: Pick<Context, 'emit'>,
): Promise<void> {
  await picture.update(changes)
  await emit(pictureChanged, { ownerId: picture.ownerId, picture: viewPicture(picture) })
}
