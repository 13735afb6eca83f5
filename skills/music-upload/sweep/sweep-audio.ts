import { type JobContext } from '../../../kernel/job'
import { pageMax, removeOrphans, type SweepPage } from '../../../kernel/sweep'
import { audioVersionIn } from '../../streaming/rules'
import { retryWindowMs, uploadLifeMs } from '../rules'
import { audioForm, uploadWantsFile } from './wants'
import { reportMissing } from './report-missing'

/** A day to be sent, a week in which it may be tried again, and a day for the grants. */
const replacedWithinMs = uploadLifeMs + retryWindowMs + 24 * 60 * 60_000

/** What is played, both ways: what is left of tracks and attempts that are gone goes, what tracks have lost is told. */
export const sweepAudio: SweepPage = async (place, context) => {
  const { objects, more } = await context.world.storage.listObjects('audio/', place, pageMax)
  const ours = objects.filter(({ key }) => audioForm.test(key))
  await removeOrphans(ours, keys => wantedOf(keys, context), context)
  const last = more ? objects.at(-1)?.key : undefined
  const missing = await reportMissing({ after: place, last, keys: objects.map(({ key }) => key) }, context)
  return { next: last ?? '', missing }
}

/**
 * Of a living track: all of the upload whose audio it has, of one that is under way or may be tried again, and of earlier ones
 * as long as a grant for them may last: a job removes them then. When they were replaced is not noted; it was within
 * `replacedWithinMs` after the new audio was announced.
 */
async function wantedOf(keys: readonly string[], { world }: Pick<JobContext, 'world'>): Promise<Set<string>> {
  const places = keys.map(key => audioForm.exec(key))
  const rows = await world.db.call<{ key: string }>(
    `select object.key
     from unnest($2::text[], $3::uuid[], $4::uuid[]) as object (key, track_id, upload_id)
     join tracks track on track.id = object.track_id and track.removed_at is null
     left join uploads upload on upload.id = object.upload_id
     left join uploads present on present.id = track.audio_version
     where object.upload_id = ${audioVersionIn('track')} or ${uploadWantsFile}
       or (upload.state = 'ready' and coalesce(present.created_at > $5, true))`,
    [
      new Date(world.clock.now()),
      keys,
      places.map(place => place?.[1]),
      places.map(place => place?.[2]),
      new Date(world.clock.now() - replacedWithinMs),
    ],
  )
  return new Set(rows.map(({ key }) => key))
}
