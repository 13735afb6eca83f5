/** What becomes of a play; all but the first say why it does not count. */
export const outcomes = [
  'counted',
  'own_track',
  'repeated',
  'too_short',
  'implausible',
  'concurrent',
  'network_limit',
] as const

export const thresholdMsMax = 30_000
/** So much of a track must have been heard for a play to count: half a minute, or half of what is shorter than a minute. */
export const thresholdMsOf = (durationMs: number): number => Math.min(thresholdMsMax, Math.ceil(durationMs / 2))

/** A client tells its progress so often. */
export const tellEveryMs = 10_000
/** What was listened to while the device was offline may be told so late; after that a play is over. */
export const offlineMsMax = 24 * 60 * 60_000
/** Networks and clocks are not exact. */
export const slackMs = 3_000

export const windowMsMin = 6 * 60 * 60_000
/** So long a listener of a track counts no second time: loops, several devices and coming back are one listener. */
export const windowMsOf = (durationMs: number): number => Math.max(windowMsMin, durationMs)

/**
 * Without a token a person is a network and what their program says it is, which anybody may make up: so a network counts no
 * more than this, whoever comes from it. Of one track it is twenty who share a café's or a school's address, or five who come
 * back in each window of the day; of all tracks ten people who listen at the same time for ten hours, at three minutes a track.
 */
export const networkTrackPlaysPerDayMax = 20
export const networkPlaysPerDayMax = 2_000

/** Whether somebody can have listened for so long: nobody does for longer than time has passed. */
export const isPlausible = (listenedMs: number, openedAt: Date, now: Date): boolean =>
  listenedMs <= now.getTime() - openedAt.getTime() + slackMs
