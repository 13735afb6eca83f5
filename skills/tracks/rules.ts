import { type Actor, isModerator } from '../../kernel/pipeline/actor'
import { invalidField, refusal } from '../../kernel/pipeline/refusals'
import { sanitizeLine } from '../../media/audio/sanitize-line'
import { type Track } from '../../models'

export const trackNotReady = refusal('track_not_ready', 409, 'The track has no audio to play yet')
export const alreadyReleased = refusal('already_released', 409, 'The track has already been released')
export const notUnlisted = refusal('not_unlisted', 409, 'Only unlisted tracks have a secret link')

/** Who may see a track: everybody; followers of its artist; people with its secret link; its artist only. */
export const visibilities = ['public', 'followers', 'unlisted', 'private'] as const

/** The fields of a track that decide who may see it. A track that waits for its release is private. */
export type TrackAccessFields = Pick<Track, 'ownerId' | 'visibility' | 'state' | 'deletedAt'>

/** The relation of a viewer to a track and its artist. */
export interface ViewerRelation {
  /** Blocked by the artist. */
  isBlocked: boolean
  /** Follows the artist. */
  isFollower: boolean
  /** Has redeemed the secret link of the track, or sends its secret. */
  isLinkHolder: boolean
}

/** No relation: what an anonymous viewer has. */
export const noRelation: ViewerRelation = { isBlocked: false, isFollower: false, isLinkHolder: false }

/** The one rule for who may see, and so play, a track; `isTrackVisibleSql` in views.ts is the same rule in SQL. */
export function maySeeTrack(viewer: Actor | null, track: TrackAccessFields, relation: ViewerRelation): boolean {
  if (track.deletedAt !== null) return false
  if (viewer?.id === track.ownerId || isModerator(viewer)) return true
  return track.state === 'ready' && !relation.isBlocked && isOpenTo[track.visibility](relation)
}

const isOpenTo: Readonly<Record<Track['visibility'], (relation: ViewerRelation) => boolean>> = {
  public: () => true,
  followers: ({ isFollower }) => isFollower,
  unlisted: ({ isLinkHolder }) => isLinkHolder,
  private: () => false,
}

/** Only these tracks appear in searches, the latest tracks and reposts. */
export const isListed = (track: TrackAccessFields): boolean =>
  track.visibility === 'public' && track.state === 'ready' && track.deletedAt === null

/** Also followers-only tracks, which followers get in their feeds and on the artist's page. */
export const isListedToFollowers = (track: TrackAccessFields): boolean =>
  isListed(track) || (track.visibility === 'followers' && track.state === 'ready' && track.deletedAt === null)

/** Whether a visibility change may take access away from somebody. */
export const narrowsVisibility = (after: Track['visibility'], before: Track['visibility']): boolean =>
  after !== before && before !== 'private' && after !== 'public'

/** Only the owner may see it: it is private, waits for its release, or is not ready. */
export const isOwnerOnly = ({ visibility, state }: Pick<TrackAccessFields, 'visibility' | 'state'>): boolean =>
  visibility === 'private' || state !== 'ready'

export const mayEditTrack = (actor: Actor | null, track: Pick<TrackAccessFields, 'ownerId'>): boolean =>
  actor?.id === track.ownerId

export const mayDeleteTrack = (actor: Actor | null, track: Pick<TrackAccessFields, 'ownerId'>): boolean =>
  mayEditTrack(actor, track) || isModerator(actor)

export const waveformPointsDefault = 800

/**
 * Wrong secrets per minute, per person or network. Secrets have 2^244 values; the limit protects the database from
 * guessing.
 */
export const secretGuessesPerMinute = 30

/** How far ahead a release can be scheduled. */
export const releaseAheadMsMax = 366 * 24 * 60 * 60_000

/**
 * Parses the release time that an artist sent; null means at once, as does any time in the past.
 * @throws `invalid_input` when it is not a valid time, or too far ahead
 */
export function parseReleaseAt(text: string | null | undefined, now: Date): Date | null | undefined {
  if (text === null || text === undefined) return text
  const at = new Date(text)
  if (Number.isNaN(at.getTime())) throw invalid('invalid_timestamp', 'releaseAt is not a valid time')
  if (at.getTime() - now.getTime() > releaseAheadMsMax)
    throw invalid('too_far_ahead', 'releaseAt is too far in the future')
  return at > now ? at : null
}

const invalid = (code: string, message: string) => invalidField('releaseAt', code, message)

/** Requested visibility and release time. Undefined leaves a field unchanged; null releases at once. */
export interface ReleaseRequest {
  visibility?: Track['visibility'] | undefined
  releaseAt?: Date | null | undefined
}

type ReleaseColumns = Pick<Track, 'visibility' | 'releaseVisibility' | 'releaseAt'>

/**
 * The columns to write for a requested release. Until its release a track is private and `releaseVisibility` holds its later
 * visibility. Access depends on these columns, which the release job changes, and never on a clock.
 * @throws `already_released` when a released track should wait again
 */
export function planRelease(
  track: ReleaseColumns & Pick<Track, 'state' | 'publishedAt'>,
  { visibility, releaseAt }: ReleaseRequest,
  now: Date,
): Partial<ReleaseColumns> {
  const isWaiting = track.releaseVisibility !== null
  const target = visibility ?? track.releaseVisibility ?? track.visibility
  if (releaseAt != null && releaseAt > now) {
    if (!isWaiting && isReleased(track)) throw alreadyReleased()
    return { visibility: 'private', releaseVisibility: target, releaseAt }
  }
  if (!isWaiting) return { visibility: target }
  if (releaseAt === undefined) return { releaseVisibility: target }
  return { visibility: target, releaseVisibility: null, releaseAt: now }
}

/** It is, or was, visible to others. */
const isReleased = ({ publishedAt, state, visibility }: Parameters<typeof planRelease>[0]): boolean =>
  publishedAt !== null || (state === 'ready' && visibility !== 'private')

/** Default title: the file name without its extension, until the tags or the artist provide one. */
export const defaultTitle = (fileName: string): string =>
  sanitizeLine(fileName.replace(/\.[A-Za-z0-9]{1,5}$/, '').replaceAll('_', ' '), 200) ?? 'Untitled'
