import { type JobContext } from '../../../kernel/job'

/** One page of an area, from `place` on: where the next one begins, empty at the end, and how much was missing. */
export type SweepPage = (place: string, context: JobContext) => Promise<{ next: string; missing: number }>

export const pageMax = 1_000

/** Nothing that is younger is removed, so that nothing under way is: an upload may take a day. */
export const orphanAgeMs = 48 * 60 * 60_000

/** Condition on `upload`; `$1` is the present: one that failed and may still be tried again keeps what it has. */
export const uploadWantsFile = `(upload.state in ('initiated', 'uploaded', 'processing')
  or (upload.state = 'failed' and upload.retry_until > $1))`

const uuid = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
export const incomingForm = new RegExp(`^incoming/(${uuid})$`)
export const audioForm = new RegExp(`^audio/(${uuid})/(${uuid})[./]`)
