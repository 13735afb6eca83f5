import { type Context } from '../../kernel/context'
import { Picture } from '../../models'
import { pictureChanged } from './events'
import { type Holder, lockHolder, show, shownOn } from './holder'
import { advance } from './picture-state'
import { forgetFiles, forgetIncoming } from './places'
import { retire } from './retire'
import { replacedKeptMs } from './rules'
import { viewPicture } from './views'

/** The picture was aborted or removed while it was worked on, or another worker was quicker. */
export class Overtaken extends Error {}

/**
 * What was redrawn is shown from now on, unless something later is shown already: the one that was finalized last wins,
 * whichever was quicker to draw. What it replaces stays for a while, for pages that show it.
 * @throws Overtaken
 */
export async function finish(pictureId: string, color: string, context: Context): Promise<void> {
  // What it is for never changes: that may be read before the lock, and has to be, since it is locked first.
  const known = await Picture.findByPk(pictureId)
  const holder = known === null ? undefined : await lockHolder(known)
  const picture = await stillWanted(pictureId)
  // Announced at the very moment when its track was removed, whose removal did not see it.
  if (holder === undefined) return retire(picture, context)
  const shown = await pictureOn(holder)
  await forgetIncoming(picture, context)
  if (shown !== null && isLater(shown, picture)) {
    await change(picture, { state: advance(picture.state, 'replaced'), color, replacedAt: context.now }, context)
    await forgetFiles(picture.id, context)
    return
  }
  await change(picture, { state: advance(picture.state, 'ready'), color }, context)
  await show(holder, { id: picture.id, color }, context)
  if (shown === null) return
  await change(shown, { state: advance(shown.state, 'replaced'), replacedAt: context.now }, context)
  await forgetFiles(shown.id, context, new Date(context.now.getTime() + replacedKeptMs))
}

/** The end of a picture that cannot be shown. */
export async function giveUp(
  pictureId: string,
  state: 'rejected' | 'failed',
  fault: { code: string; message: string },
  context: Context,
): Promise<void> {
  const picture = await Picture.findByPk(pictureId, { lock: true })
  if (picture?.state !== 'uploaded') return
  await change(picture, { state: advance(picture.state, state), fault }, context)
  await forgetIncoming(picture, context)
  await forgetFiles(picture.id, context)
}

export const ourFault = {
  code: 'processing_failed',
  message: 'Something went wrong on our side. Your picture is fine as far as we know: please send it again.',
}

/** @throws Overtaken */
async function stillWanted(pictureId: string): Promise<Picture> {
  const picture = await Picture.findByPk(pictureId, { lock: true })
  if (picture?.state !== 'uploaded') throw new Overtaken()
  return picture
}

const pictureOn = async (holder: Holder): Promise<Picture | null> => {
  const shownId = shownOn(holder)
  return shownId === null ? null : Picture.findByPk(shownId, { lock: true })
}

const isLater = (one: Picture, other: Picture): boolean => BigInt(one.turn ?? 0) > BigInt(other.turn ?? 0)

async function change(
  picture: Picture,
  changes: Partial<Pick<Picture, 'state' | 'color' | 'fault' | 'replacedAt'>>,
  { emit }: Pick<Context, 'emit'>,
): Promise<void> {
  await picture.update(changes)
  await emit(pictureChanged, { ownerId: picture.ownerId, picture: viewPicture(picture) })
}
