import { type Actor, isModerator } from '../../kernel/actor'
import { refusal } from '../../kernel/refusals'
import { type Track } from '../../models'

export const notReady = refusal('not_ready', 409, 'The track has no audio to play yet')
export const notUnlisted = refusal('not_unlisted', 409, 'Only an unlisted track has a secret link')

export const notDownloadable = refusal('not_downloadable', 403, 'The artist does not offer this track for download')

export const downloadNotReady = refusal(
  'download_not_ready',
  409,
  'The copy that is downloaded, without the tags of the file, is being made. Try again in a minute',
)
export const notCopyable = refusal(
  'not_copyable',
  409,
  'This file cannot be had without its tags, which may be personal: only its artist can download it',
)

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

/**
 * The upload that the audio of a track is of; null without audio of an upload. The key is named after it: on a track of before
 * that was noted, it alone says so.
 */
export const audioVersionOf = ({ audioVersion, audioKey }: Pick<Track, 'audioVersion' | 'audioKey'>): string | null =>
  audioVersion ?? /([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.[a-z0-9]+$/.exec(audioKey ?? '')?.[1] ?? null

/** The same in SQL; `track` is the name of the table there. */
export const audioVersionIn = (track: string): string =>
  `coalesce(${track}.audio_version,
     substring(${track}.audio_key from '([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})[.][a-z0-9]+$')::uuid)`

/** Only these appear where nobody asked for them by id: searches, the latest, reposts. */
export const isListed = (track: TrackFacts): boolean =>
  track.visibility === 'public' && track.state === 'ready' && track.removedAt === null

/** Those, and what is for followers alone: they find both in their feeds and on the artist's page. */
export const isListedToFollowers = (track: TrackFacts): boolean =>
  isListed(track) || (track.visibility === 'followers' && track.state === 'ready' && track.removedAt === null)

/** Whether somebody who might see a track before may see it no longer after its visibility changed. */
export const isNarrower = (after: Track['visibility'], before: Track['visibility']): boolean =>
  after !== before && before !== 'private' && after !== 'public'

/** Nobody else may know of it yet, or any more: it is private, waits for its release, or is not ready. */
export const isForArtistAlone = ({ visibility, state }: Pick<TrackFacts, 'visibility' | 'state'>): boolean =>
  visibility === 'private' || state !== 'ready'

export const mayEditTrack = (actor: Actor | null, track: Pick<TrackFacts, 'ownerId'>): boolean =>
  actor?.id === track.ownerId

export const mayRemoveTrack = (actor: Actor | null, track: Pick<TrackFacts, 'ownerId'>): boolean =>
  mayEditTrack(actor, track) || isModerator(actor)

/** Beyond the length of the track, for pauses. */
export const grantMarginMs = 10 * 60_000
export const grantLifeMsMax = 6 * 60 * 60_000

/** Whole seconds, which is what signatures know. */
export const expiryAfter = (now: Date, lifeMs: number): Date =>
  new Date(Math.floor((now.getTime() + lifeMs) / 1000) * 1000)

/** A grant that was made for somebody else is given to the next one for so long: enough is left to listen to the end. */
export const grantSharedMs = grantMarginMs / 2

/** Whoever goes on from somewhere needs less; in steps, so that few lengths of grants are in use. */
const remainderStepMs = 10 * 60_000

/** How long a grant for the rest of a track from `positionMs` lasts: to listen to the end with a few pauses. */
export function grantLifeMs(durationMs: number, positionMs = 0): number {
  const restMs = Math.max(0, durationMs - positionMs)
  const neededMs = positionMs === 0 ? restMs : Math.ceil(restMs / remainderStepMs) * remainderStepMs
  return Math.min(Math.min(neededMs, durationMs) + grantMarginMs, grantLifeMsMax)
}

/** For a download: its address must be good when it begins, and when a broken one goes on. */
export const downloadLifeMs = 60 * 60_000

export const mayDownload = (actor: Actor | null, track: Pick<Track, 'ownerId' | 'isDownloadable'>): boolean =>
  track.isDownloadable || actor?.id === track.ownerId

/** The renditions that a progressive file may be one of: codec and kbit/s. */
export const qualities = ['aac-96', 'aac-160', 'aac-256', 'opus-128'] as const

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

/** Wrong secrets of a minute, per person or network: nobody comes upon one of 2^244 by chance, nor wears the database out trying. */
export const secretGuessesPerMinute = 30
