import { type Actor, isModerator } from '../../kernel/actor'
import { refusal } from '../../kernel/refusals'
import { type Track } from '../../models'

export const notReady = refusal('not_ready', 409, 'The track has no audio to play yet')

/** What decides whether somebody may know of a track. */
export type TrackFacts = Pick<Track, 'ownerId' | 'visibility' | 'state' | 'removedAt'>

/** Whoever has its id may see an unlisted track; one that is not ready or private is its owner's alone. */
export function maySeeTrack(viewer: Actor | null, track: TrackFacts, isBlockedByOwner: boolean): boolean {
  if (track.removedAt !== null) return false
  if (viewer?.id === track.ownerId || isModerator(viewer)) return true
  return track.state === 'ready' && track.visibility !== 'private' && !isBlockedByOwner
}

/** Only these appear where nobody asked for them by id: feeds, searches, profiles of others. */
export const isListed = (track: TrackFacts): boolean =>
  track.visibility === 'public' && track.state === 'ready' && track.removedAt === null

export const mayEditTrack = (actor: Actor | null, track: Pick<TrackFacts, 'ownerId'>): boolean =>
  actor?.id === track.ownerId

export const mayRemoveTrack = (actor: Actor | null, track: Pick<TrackFacts, 'ownerId'>): boolean =>
  mayEditTrack(actor, track) || isModerator(actor)

/** Beyond the length of the track, for pauses. */
export const grantMarginMs = 10 * 60_000
export const grantLifeMsMax = 6 * 60 * 60_000

/** Time to listen to the end with a few pauses; whole seconds, which is what signatures know. */
export function streamExpiry(now: Date, durationMs: number): Date {
  const lifeMs = Math.min(durationMs + grantMarginMs, grantLifeMsMax)
  return new Date(Math.floor((now.getTime() + lifeMs) / 1000) * 1000)
}

/** In how many peaks a waveform can be had: as fine as it is kept. */
export const waveformPointsMax = 3_200
export const waveformPointsDefault = 800

/** The same sound in fewer peaks: each is the loudest of an equal part of the finer ones. As many as there are, at most. */
export function coarser(peaks: Buffer, points: number): Buffer {
  const count = Math.min(points, peaks.length)
  return Buffer.from(
    Array.from({ length: count }, (_, index) => {
      const from = Math.floor((index * peaks.length) / count)
      const to = Math.floor(((index + 1) * peaks.length) / count)
      return Math.max(...peaks.subarray(from, to))
    }),
  )
}
