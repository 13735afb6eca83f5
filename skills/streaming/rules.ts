import { type Actor, isModerator } from '../../kernel/actor'
import { refusal } from '../../kernel/refusals'
import { type Track } from '../../models'

export const notReady = refusal('not_ready', 409, 'The track has no audio to play yet')
export const notUnlisted = refusal('not_unlisted', 409, 'Only an unlisted track has a secret link')

/** Who may know of a track: everybody; who follows its artist; who came by its secret link; its artist alone. */
export const visibilities = ['public', 'followers', 'unlisted', 'private'] as const

/** What of a track decides whether somebody may know of it. One that waits for its release is private. */
export type TrackFacts = Pick<Track, 'ownerId' | 'visibility' | 'state' | 'removedAt'>

/** What somebody is to a track and its artist. */
export interface Standing {
  /** By the artist. */
  isBlocked: boolean
  /** Of the artist. */
  isFollower: boolean
  /** Came by the secret link of the track, or shows its secret. */
  isGuest: boolean
}

/** Somebody of whom nothing is known. */
export const stranger: Standing = { isBlocked: false, isFollower: false, isGuest: false }

/** The one place that decides who may know of a track, and so hear it; `isTrackSeen` in views.ts says the same in SQL. */
export function maySeeTrack(viewer: Actor | null, track: TrackFacts, standing: Standing): boolean {
  if (track.removedAt !== null) return false
  if (viewer?.id === track.ownerId || isModerator(viewer)) return true
  return track.state === 'ready' && !standing.isBlocked && isOpenTo[track.visibility](standing)
}

const isOpenTo: Readonly<Record<Track['visibility'], (standing: Standing) => boolean>> = {
  public: () => true,
  followers: ({ isFollower }) => isFollower,
  unlisted: ({ isGuest }) => isGuest,
  private: () => false,
}

/** Only these appear where nobody asked for them by id: searches, the latest, reposts. */
export const isListed = (track: TrackFacts): boolean =>
  track.visibility === 'public' && track.state === 'ready' && track.removedAt === null

/** Those, and what is for followers alone: they find both in their feeds and on the artist's page. */
export const isListedToFollowers = (track: TrackFacts): boolean =>
  isListed(track) || (track.visibility === 'followers' && track.state === 'ready' && track.removedAt === null)

/** Whether somebody who might see a track before may see it no longer after its visibility changed. */
export const isNarrower = (after: Track['visibility'], before: Track['visibility']): boolean =>
  after !== before && before !== 'private' && after !== 'public'

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

/** Wrong secrets of a minute, per person or network: nobody comes upon one of 2^244 by chance, nor wears the database out trying. */
export const secretGuessesPerMinute = 30
