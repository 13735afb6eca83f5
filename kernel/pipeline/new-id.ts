import { v7 } from 'uuid'

/** A UUIDv7, so that ids sort by creation time. */
export const newId = (now: Date): string => v7({ msecs: now.getTime() })
