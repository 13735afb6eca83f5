import { job, type JobContext } from '../../kernel/job'
import { nothing } from '../../kernel/schema'
import { type SweepPage } from './sweep/page'
import { sweepAudio } from './sweep/sweep-audio'
import { sweepIncoming } from './sweep/sweep-incoming'
import { sweepParts } from './sweep/sweep-parts'
import { sweepUploaded } from './sweep/sweep-uploaded'

/** Of each area, in one run: with a thousand objects to a page, a hundred thousand. The next run goes on from there. */
const pagesMax = 100

const areas: Readonly<Record<string, SweepPage>> = {
  incoming: sweepIncoming,
  parts: sweepParts,
  audio: sweepAudio,
  uploaded: sweepUploaded,
}

/**
 * Compares the bucket with the database, both ways: what no row wants is removed once it is old, and what a row wants and the
 * bucket has not is reported. All of it is a net below the jobs that do this at once; a crash, a lost job or a hand in the
 * bucket is what it is for.
 */
export const sweepBucket = job({
  name: 'music-upload.sweepBucket',
  payload: nothing,
  attemptsMax: 3,
  cron: '23 * * * *',

  async run(_payload, context) {
    for (const [area, sweepPage] of Object.entries(areas)) await sweepArea(area, sweepPage, context)
  },
})

async function sweepArea(area: string, sweepPage: SweepPage, context: JobContext): Promise<void> {
  const { world, signal } = context
  let { place, found } = await reached(area, context)
  for (let pages = 0; pages < pagesMax && !signal.aborted; pages += 1) {
    const page = await sweepPage(place, context)
    found += page.missing
    place = page.next
    await world.db.query(
      `insert into bucket_sweeps (area, place, found) values (:area, :place, :found)
       on conflict (area) do update set place = excluded.place, found = excluded.found`,
      { area, place, found },
    )
    if (place !== '') continue
    world.metrics.bucketMissing.set({ area }, found)
    return
  }
}

/** Where the last run stopped; from the beginning when it came to the end. */
async function reached(area: string, { world }: Pick<JobContext, 'world'>): Promise<{ place: string; found: number }> {
  const sql = `select place, found from bucket_sweeps where area = :area and place <> ''`
  const [row] = await world.db.query<{ place: string; found: number }>(sql, { area })
  return row ?? { place: '', found: 0 }
}
