import { type Track } from '../../models'
import { alreadyReleased } from '../music-upload/refusals'

/** Requested visibility and release time. Undefined leaves a field unchanged; null releases at once. */
export interface ReleaseRequest {
  visibility?: Track['visibility'] | undefined
  releaseAt?: Date | null | undefined
}

type ReleaseColumns = Pick<Track, 'visibility' | 'releaseAs' | 'releaseAt'>

/**
 * The columns to write for a requested release. Until its release a track is private and `releaseAs` holds its later
 * visibility. Access depends on these columns, which the release job changes, and never on a clock.
 * @throws `already_released` when a released track should wait again
 */
export function planRelease(
  track: ReleaseColumns & Pick<Track, 'state' | 'publishedAt'>,
  { visibility, releaseAt }: ReleaseRequest,
  now: Date,
): Partial<ReleaseColumns> {
  const isWaiting = track.releaseAs !== null
  const target = visibility ?? track.releaseAs ?? track.visibility
  if (releaseAt != null && releaseAt > now) {
    if (!isWaiting && isReleased(track)) throw alreadyReleased()
    return { visibility: 'private', releaseAs: target, releaseAt }
  }
  if (!isWaiting) return { visibility: target }
  if (releaseAt === undefined) return { releaseAs: target }
  return { visibility: target, releaseAs: null, releaseAt: now }
}

/** It is, or was, visible to others. */
const isReleased = ({ publishedAt, state, visibility }: Parameters<typeof planRelease>[0]): boolean =>
  publishedAt !== null || (state === 'ready' && visibility !== 'private')
