import { type Actor } from '../../kernel/actor'
import { type Context } from '../../kernel/context'
import { refusals } from '../../kernel/refusals'
import { Picture } from '../../models'
import { pictureAborted, pictureExpired } from './refusals'

/**
 * A picture of the caller, locked when asked to. Whoever also locks the profile or the track that it is for does that
 * first, everywhere.
 * @throws `not_found` also when it is somebody else's.
 */
export async function ownPicture(
  pictureId: string,
  { actor }: Pick<Context<Actor>, 'actor'>,
  { lock = false } = {},
): Promise<Picture> {
  const picture = await Picture.findByPk(pictureId, lock ? { lock: true } : {})
  if (picture?.ownerId !== actor.id) throw refusals.notFound()
  return picture
}

/** @throws `picture_aborted`, `picture_expired` when its file is not wanted any more. */
export function refuseUnwanted({ state, expiresAt }: Picture, now: Date): void {
  if (state === 'aborted') throw pictureAborted()
  if (state === 'expired' || (state === 'initiated' && expiresAt <= now)) throw pictureExpired()
}
