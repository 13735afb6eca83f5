import { type JobContext } from '../../../kernel/events/job'
import { sweepPageMax, deleteOrphans, type SweepPage } from '../../../kernel/platform/bucket-sweep'
import { retryWindowMs, uploadLifeMs } from '../../music-upload/rules'
import { uploadNeedsFileSql } from '../../music-upload/views'
import { audioKeyPattern } from '../rules'
import { reportMissingAudio } from './report-missing-audio'

/** One day to send a file, a week to retry it, and a day for grants. */
const replacedWithinMs = uploadLifeMs + retryWindowMs + 24 * 60 * 60_000

/**
 * Sweeps the audio objects both ways: deletes those of deleted tracks and abandoned attempts, reports those that
 * tracks lack.
 */
export const sweepAudio: SweepPage = async (from, context) => {
  const { objects, more } = await context.app.storage.listObjects('audio/', from, sweepPageMax)
  const known = objects.filter(({ key }) => audioKeyPattern.test(key))
  await deleteOrphans(known, keys => neededAmong(keys, context), context)
  const last = more ? objects.at(-1)?.key : undefined
  const missing = await reportMissingAudio({ after: from, last, keys: objects.map(({ key }) => key) }, context)
  return { nextCursor: last ?? '', missing }
}

/**
 * Needed by an existing track: everything of its present upload, of uploads in progress or open for a retry, and of
 * replaced ones while grants may last, after which a job deletes them. The time of a replacement is not stored: it
 * was within `replacedWithinMs` after the new upload was created.
 */
async function neededAmong(keys: readonly string[], { app }: Pick<JobContext, 'app'>): Promise<Set<string>> {
  const matches = keys.map(key => audioKeyPattern.exec(key))
  const rows = await app.db.queryBound<{ key: string }>(
    `select object.key
     from unnest($2::text[], $3::uuid[], $4::uuid[]) as object (key, track_id, upload_id)
     join tracks track on track.id = object.track_id and track.deleted_at is null
     left join uploads upload on upload.id = object.upload_id
     left join uploads present on present.id = track.audio_version
     where object.upload_id = track.audio_version or ${uploadNeedsFileSql}
       or (upload.state = 'ready' and coalesce(present.created_at > $5, true))`,
    [
      new Date(app.clock.now()),
      keys,
      matches.map(match => match?.[1]),
      matches.map(match => match?.[2]),
      new Date(app.clock.now() - replacedWithinMs),
    ],
  )
  return new Set(rows.map(({ key }) => key))
}
