import { type JobContext } from './job'
import { type ListedObject } from './world/storage-listing'

/** One page of an area, from `place` on: where the next one begins, empty at the end, and how much was missing. */
export type SweepPage = (place: string, context: JobContext) => Promise<SweptPage>

interface SweptPage {
  next: string
  missing: number
  /** This run is to stop here; the next one goes on. */
  isEnough?: boolean
}

/** How many objects a page has. */
export const pageMax = 1_000
/** Of each area, in one run: a hundred thousand objects. The next run goes on from there. */
const pagesMax = 100

/** Nothing that is younger is removed, so that nothing under way is: an upload may take a day. */
export const orphanAgeMs = 48 * 60 * 60_000

/** Compares areas of the bucket with the database, page by page, and says how much is missing once an area was seen whole. */
export async function sweepAreas(areas: Readonly<Record<string, SweepPage>>, context: JobContext): Promise<void> {
  for (const [area, sweepPage] of Object.entries(areas)) await sweepArea(area, sweepPage, context)
}

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
    if (place !== '' && page.isEnough === true) return
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

/**
 * Removes what is old and not wanted. Asks for all of a page at once, which is nearly always enough, and for each one again
 * right before it goes: removing takes time, in which somebody may have come to want it.
 */
export async function removeOrphans(
  objects: readonly ListedObject[],
  wantedOf: (keys: readonly string[]) => Promise<ReadonlySet<string>>,
  { world, signal }: Pick<JobContext, 'world' | 'signal'>,
): Promise<void> {
  const oldest = world.clock.now() - orphanAgeMs
  const keys = objects.filter(({ modifiedAt }) => modifiedAt.getTime() < oldest).map(({ key }) => key)
  if (keys.length === 0) return
  const wanted = await wantedOf(keys)
  for (const key of keys) {
    if (signal.aborted) return
    if (wanted.has(key) || (await wantedOf([key])).has(key)) continue
    await world.storage.remove(key)
    world.metrics.bucketSwept.inc({ what: 'object' })
    world.log.info({ key }, 'removed an object that nobody wants')
  }
}
