import { type Track } from '../../models'
import { alreadyReleased } from './refusals'

/** What an artist wants: who may hear a track, and from when on. What is undefined stays; null is at once. */
export interface ReleaseWish {
  visibility?: Track['visibility'] | undefined
  releaseAt?: Date | null | undefined
}

type Planned = Pick<Track, 'visibility' | 'releaseAs' | 'releaseAt'>

/**
 * What is to be written of a track for a wish. While it waits for its release it is private and `releaseAs` holds what it
 * becomes: that flag, turned by the release, is what counts, not the clock of whoever looks.
 * @throws `already_released` when it is out and should wait again
 */
export function planRelease(
  track: Planned & Pick<Track, 'state' | 'publishedAt'>,
  { visibility, releaseAt }: ReleaseWish,
  now: Date,
): Partial<Planned> {
  const isWaiting = track.releaseAs !== null
  const wanted = visibility ?? track.releaseAs ?? track.visibility
  if (releaseAt != null && releaseAt > now) {
    if (!isWaiting && isOut(track)) throw alreadyReleased()
    return { visibility: 'private', releaseAs: wanted, releaseAt }
  }
  if (!isWaiting) return { visibility: wanted }
  if (releaseAt === undefined) return { releaseAs: wanted }
  return { visibility: wanted, releaseAs: null, releaseAt: now }
}

/** Others have it, or had it. */
const isOut = ({ publishedAt, state, visibility }: Parameters<typeof planRelease>[0]): boolean =>
  publishedAt !== null || (state === 'ready' && visibility !== 'private')
