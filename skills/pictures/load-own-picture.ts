import { type Actor } from '../../kernel/pipeline/actor'
import { type Context } from '../../kernel/pipeline/context'
import { refusals } from '../../kernel/pipeline/refusals'
import { Picture } from '../../models'
import { pictureAborted, pictureExpired } from './refusals'

/**
 * Loads a picture of the caller, with a row lock on request. Lock order: profile or track before pictures.
 * @throws `not_found` also for somebody else's picture
 */
export async function loadOwnPicture(
  pictureId: string,
  { actor }: Pick<Context<Actor>, 'actor'>,
  { lock = false } = {},
): Promise<Picture> {
  const picture = await Picture.findByPk(pictureId, lock ? { lock: true } : {})
  if (picture?.ownerId !== actor.id) throw refusals.notFound()
  return picture
}

/** @throws `picture_aborted`, `picture_expired` when it no longer accepts its file */
export function refuseClosed({ state, expiresAt }: Picture, now: Date): void {
  if (state === 'aborted') throw pictureAborted()
  if (state === 'expired' || (state === 'initiated' && expiresAt <= now)) throw pictureExpired()
}
