import { type Context } from '../../kernel/pipeline/context'
import { count, named, shape, type Value } from '../../kernel/pipeline/schema'

/** Storage usage: `usedBytes` by stored files, `reservedBytes` by pending uploads. */
export const storageUsageView = named(
  'StorageUsage',
  shape({ usedBytes: count, reservedBytes: count, quotaBytes: count, pendingUploads: count }),
)

/**
 * Summed from the rows at each call, since a counter could drift: ending an upload or deleting a track frees its
 * bytes. A file that was replaced does not count.
 */
export async function loadStorageUsage(
  ownerId: string,
  { app, now }: Pick<Context, 'app' | 'now'>,
): Promise<Value<typeof storageUsageView>> {
  const [sums] = await app.db.query<{ used: string; reserved: string; pending: string }>(
    `select
       coalesce(sum(upload.size_bytes) filter (where upload.state <> 'initiated'), 0) as used,
       coalesce(sum(upload.size_bytes) filter (where upload.state = 'initiated'), 0) as reserved,
       count(*) filter (where upload.state = 'initiated') as pending
     from uploads upload left join tracks track on track.id = upload.track_id
     where upload.owner_id = :ownerId and (
       (upload.state = 'initiated' and upload.expires_at > :now)
       or (upload.state in ('uploaded', 'processing') and track.deleted_at is null)
       or (upload.state = 'failed' and upload.retry_until > :now)
       or (upload.state = 'ready' and track.deleted_at is null and upload.id = track.audio_version))`,
    { ownerId, now },
  )
  return {
    usedBytes: Number(sums?.used ?? 0),
    reservedBytes: Number(sums?.reserved ?? 0),
    quotaBytes: app.config.uploads.quotaBytes,
    pendingUploads: Number(sums?.pending ?? 0),
  }
}
