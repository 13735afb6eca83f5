/** Outcomes of a play; all but `counted` are reasons why it does not count. */
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
/** The listening time after which a play counts: 30 s, or half of a track shorter than a minute. */
export const thresholdMsOf = (durationMs: number): number => Math.min(thresholdMsMax, Math.ceil(durationMs / 2))

/** How often a client reports progress. */
export const reportIntervalMs = 10_000
/** How long after its start a play accepts progress, for devices that were offline; then it has ended. */
export const reportWithinMs = 24 * 60 * 60_000
/** Tolerance for network delays and clock differences. */
export const toleranceMs = 3_000

export const repeatWindowMsMin = 6 * 60 * 60_000
/** Within this time a listener counts once per track, across loops, devices and visits. */
export const repeatWindowMsOf = (durationMs: number): number => Math.max(repeatWindowMsMin, durationMs)

/**
 * Limits per network of anonymous listeners, who are identified by network and user agent and could invent user agents. Per
 * track: twenty people behind one address of a café or school, or five who come back in each of the day's windows. In total:
 * ten people who listen for ten hours, at three minutes a track.
 */
export const networkTrackPlaysPerDayMax = 20
export const networkPlaysPerDayMax = 2_000

/** Whether the reported listening time fits into the time since the start. */
export const isPlausible = (listenedMs: number, startedAt: Date, now: Date): boolean =>
  listenedMs <= now.getTime() - startedAt.getTime() + toleranceMs
