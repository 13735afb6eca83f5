export const thresholdMsMax = 30_000
/** So much of a track must have been heard for a play to count: half a minute, or half of what is shorter than a minute. */
export const thresholdMsOf = (durationMs: number): number => Math.min(thresholdMsMax, Math.ceil(durationMs / 2))

/** A client tells its progress so often. */
export const tellEveryMs = 10_000
/** What was listened to while the device was offline may be told so late; after that a play is over. */
export const offlineMsMax = 24 * 60 * 60_000
/** Networks and clocks are not exact. */
const slackMs = 3_000

export const windowMsMin = 6 * 60 * 60_000
/** So long a listener of a track counts no second time: loops, several devices and coming back are one listener. */
export const windowMsOf = (durationMs: number): number => Math.max(windowMsMin, durationMs)

/** Whether somebody can have listened for so long: nobody does for longer than time has passed. */
export const isPlausible = (listenedMs: number, openedAt: Date, now: Date): boolean =>
  listenedMs <= now.getTime() - openedAt.getTime() + slackMs
