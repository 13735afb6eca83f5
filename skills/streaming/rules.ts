import { type Actor } from '../../kernel/pipeline/actor'
import { refusal } from '../../kernel/pipeline/refusals'
import { type Track } from '../../models'

export const notDownloadable = refusal('not_downloadable', 403, 'The artist does not offer this track for download')

export const downloadNotReady = refusal(
  'download_not_ready',
  409,
  'The download is being prepared: try again in a minute',
)
export const downloadUnavailable = refusal('download_unavailable', 409, 'Only the artist can download this file')

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
