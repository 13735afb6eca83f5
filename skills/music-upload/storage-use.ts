import { type Context } from '../../kernel/context'
import { count, named, shape, type Value } from '../../kernel/schema'
import { audioVersionIn } from '../streaming/rules'

/** Storage usage: `usedBytes` by stored files, `reservedBytes` by pending uploads. */
export const storageUse = named(
  'StorageUse',
  shape({ usedBytes: count, reservedBytes: count, quotaBytes: count, uploadsPending: count }),
)

/**
 * Summed from the rows at each call, since a counter could drift: ending an upload or deleting a track frees its
 * bytes. A file that was replaced does not count.
 */
export async function storageUseOf(
  ownerId: string,
  { world, now }: Pick<Context, 'world' | 'now'>,
): Promise<Value<typeof storageUse>> {
  const [sums] = await world.db.query<{ used: string; reserved: string; pending: string }>(
    `select
       coalesce(sum(upload.size_bytes) filter (where upload.state <> 'initiated'), 0) as used,
       coalesce(sum(upload.size_bytes) filter (where upload.state = 'initiated'), 0) as reserved,
       count(*) filter (where upload.state = 'initiated') as pending
     from uploads upload left join tracks track on track.id = upload.track_id
     where upload.owner_id = :ownerId and (
       (upload.state = 'initiated' and upload.expires_at > :now)
       or (upload.state in ('uploaded', 'processing') and track.removed_at is null)
       or (upload.state = 'failed' and upload.retry_until > :now)
       or (upload.state = 'ready' and track.removed_at is null and upload.id = ${audioVersionIn('track')}))`,
    { ownerId, now },
  )
  return {
    usedBytes: Number(sums?.used ?? 0),
    reservedBytes: Number(sums?.reserved ?? 0),
    quotaBytes: world.config.uploads.quotaBytes,
    uploadsPending: Number(sums?.pending ?? 0),
  }
}
