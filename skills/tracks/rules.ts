import { type Actor, isModerator } from '../../kernel/pipeline/actor'
import { refusal } from '../../kernel/pipeline/refusals'
import { type Track } from '../../models'

export const notReady = refusal('not_ready', 409, 'The track has no audio to play yet')
export const notUnlisted = refusal('not_unlisted', 409, 'Only unlisted tracks have a secret link')

export const notDownloadable = refusal('not_downloadable', 403, 'The artist does not offer this track for download')

export const downloadNotReady = refusal(
  'download_not_ready',
  409,
  'The download is being prepared: try again in a minute',
)
export const downloadUnavailable = refusal('download_unavailable', 409, 'Only the artist can download this file')

/** Who may see a track: everybody; followers of its artist; people with its secret link; its artist only. */
export const visibilities = ['public', 'followers', 'unlisted', 'private'] as const

/** The fields of a track that decide who may see it. A track that waits for its release is private. */
export type TrackAccessFields = Pick<Track, 'ownerId' | 'visibility' | 'state' | 'removedAt'>

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
  if (track.removedAt !== null) return false
  if (viewer?.id === track.ownerId || isModerator(viewer)) return true
  return track.state === 'ready' && !relation.isBlocked && isOpenTo[track.visibility](relation)
}

const isOpenTo: Readonly<Record<Track['visibility'], (standing: ViewerRelation) => boolean>> = {
  public: () => true,
  followers: ({ isFollower }) => isFollower,
  unlisted: ({ isLinkHolder }) => isLinkHolder,
  private: () => false,
}

/** Only these tracks appear in searches, the latest tracks and reposts. */
export const isListed = (track: TrackAccessFields): boolean =>
  track.visibility === 'public' && track.state === 'ready' && track.removedAt === null

/** Also followers-only tracks, which followers get in their feeds and on the artist's page. */
export const isListedToFollowers = (track: TrackAccessFields): boolean =>
  isListed(track) || (track.visibility === 'followers' && track.state === 'ready' && track.removedAt === null)

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

/** Added to the duration of the track, for pauses. */
export const grantMarginMs = 10 * 60_000
export const grantLifeMsMax = 6 * 60 * 60_000

/** Rounded to whole seconds, the resolution of signatures. */
export const expiryInWholeSeconds = (now: Date, lifeMs: number): Date =>
  new Date(Math.floor((now.getTime() + lifeMs) / 1000) * 1000)

/** How long a cached grant is reused: it must still last to the end of the track. */
export const grantReuseMs = grantMarginMs / 2

/** Rounding step for grants from a position, so that few lifetimes occur. */
const remainderStepMs = 10 * 60_000

/** Lifetime of a grant for the rest of a track from `positionMs`, with time for pauses. */
export function grantLifeMs(durationMs: number, positionMs = 0): number {
  const restMs = Math.max(0, durationMs - positionMs)
  const neededMs = positionMs === 0 ? restMs : Math.ceil(restMs / remainderStepMs) * remainderStepMs
  return Math.min(Math.min(neededMs, durationMs) + grantMarginMs, grantLifeMsMax)
}

/** The URL must be valid when a download starts and when it is resumed. */
export const downloadLifeMs = 60 * 60_000

export const mayDownload = (actor: Actor | null, track: Pick<Track, 'ownerId' | 'isDownloadable'>): boolean =>
  track.isDownloadable || actor?.id === track.ownerId

/** Qualities a client may request for the progressive file: codec and kbit/s. */
export const qualities = ['aac-96', 'aac-160', 'aac-256', 'opus-128'] as const

/** Most peaks a waveform can have: as many as are stored. */
export const waveformPointsMax = 3_200
export const waveformPointsDefault = 800

/** Reduces peaks to at most `points`: each is the maximum of an equal share of the input. */
export function downsamplePeaks(peaks: Buffer, points: number): Buffer {
  const count = Math.min(points, peaks.length)
  return Buffer.from(
    Array.from({ length: count }, (_, index) => {
      const from = Math.floor((index * peaks.length) / count)
      const to = Math.floor(((index + 1) * peaks.length) / count)
      return Math.max(...peaks.subarray(from, to))
    }),
  )
}

/**
 * Wrong secrets per minute, per person or network. Secrets have 2^244 values; the limit protects the database from
 * guessing.
 */
export const secretGuessesPerMinute = 30
