import { type JobContext } from '../events/job'
import { type ListedObject } from './storage-listing'

/** Sweeps one page of an area from a cursor on. Returns the next cursor, empty at the end, and the number of missing objects. */
export type SweepPage = (cursor: string, context: JobContext) => Promise<SweptPage>

export interface SweptPage {
  nextCursor: string
  missing: number
  /** The run stops here and the next run continues. */
  stopsHere?: boolean
}

/** Objects per page. */
export const sweepPageMax = 1_000
/** Pages per area and run, 100,000 objects; the next run continues from there. */
const pagesMax = 100

/** Younger objects are kept, because an upload in progress may take a day. */
export const orphanAgeMs = 48 * 60 * 60_000

/** Compares areas of the bucket with the database, page by page. Sets the missing-objects metric when an area is complete. */
export async function sweepBucket(areas: Readonly<Record<string, SweepPage>>, context: JobContext): Promise<void> {
  for (const [area, sweepPage] of Object.entries(areas)) await sweepArea(area, sweepPage, context)
}

async function sweepArea(area: string, sweepPage: SweepPage, context: JobContext): Promise<void> {
  const { app, signal } = context
  let { cursor, missing } = await readProgress(area, context)
  for (let pages = 0; pages < pagesMax && !signal.aborted; pages += 1) {
    const page = await sweepPage(cursor, context)
    missing += page.missing
    cursor = page.nextCursor
    await app.db.query(
      `insert into bucket_sweeps (area, cursor, missing_count) values (:area, :cursor, :missing)
       on conflict (area) do update set cursor = excluded.cursor, missing_count = excluded.missing_count`,
      { area, cursor, missing },
    )
    if (cursor !== '' && page.stopsHere === true) return
    if (cursor !== '') continue
    app.metrics.bucketMissingObjects.set({ area }, missing)
    return
  }
}

/** Where the last run stopped; the beginning when it completed the area. */
async function readProgress(
  area: string,
  { app }: Pick<JobContext, 'app'>,
): Promise<{ cursor: string; missing: number }> {
  const sql = `select cursor, missing_count as missing from bucket_sweeps where area = :area and cursor <> ''`
  const [row] = await app.db.query<{ cursor: string; missing: number }>(sql, { area })
  return row ?? { cursor: '', missing: 0 }
}

/**
 * Deletes old objects that no row references. Checks the whole page in one query, and each object again right before its
 * deletion, because a row may reference it meanwhile.
 */
export async function deleteOrphans(
  objects: readonly ListedObject[],
  referencedAmong: (keys: readonly string[]) => Promise<ReadonlySet<string>>,
  { app, signal }: Pick<JobContext, 'app' | 'signal'>,
): Promise<void> {
  const cutoff = app.clock.now() - orphanAgeMs
  const keys = objects.filter(({ modifiedAt }) => modifiedAt.getTime() < cutoff).map(({ key }) => key)
  if (keys.length === 0) return
  const referenced = await referencedAmong(keys)
  for (const key of keys) {
    if (signal.aborted) return
    if (referenced.has(key) || (await referencedAmong([key])).has(key)) continue
    await app.storage.delete(key)
    app.metrics.bucketOrphansDeleted.inc({ kind: 'object' })
    app.log.info({ key }, 'deleted an orphaned object')
  }
}

/**
 * Aborts multipart uploads below a prefix that are old and that nobody needs. `isNeeded` is also true for keys of an
 * unknown form, which are left alone.
 */
export async function abortOrphanMultiparts(
  prefix: string,
  from: string,
  { app, signal }: Pick<JobContext, 'app' | 'signal'>,
  isNeeded: (key: string, multipartId: string) => Promise<boolean>,
): Promise<SweptPage> {
  const [key = '', multipartId = ''] = from.split(' ')
  const after = from === '' ? undefined : { key, multipartId }
  const { uploads, next } = await app.storage.listMultipartUploads(prefix, after, sweepPageMax)
  const cutoff = app.clock.now() - orphanAgeMs
  for (const { key, multipartId, begunAt } of uploads) {
    if (begunAt.getTime() >= cutoff || signal.aborted || (await isNeeded(key, multipartId))) continue
    await app.storage.abortMultipartUpload(key, multipartId)
    app.metrics.bucketOrphansDeleted.inc({ kind: 'parts' })
    app.log.info({ key }, 'aborted an orphaned multipart upload')
  }
  return { nextCursor: next === undefined ? '' : `${next.key} ${next.multipartId}`, missing: 0 }
}
