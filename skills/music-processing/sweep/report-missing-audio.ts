import { type Context } from '../../../kernel/pipeline/context'
import { type JobContext } from '../../../kernel/events/job'
import { TrackAudio } from '../../../models'
import { lockTrack } from '../../tracks/views'
import { enqueueDownloadCopy } from '../make-download-copy'
import { noDownloadCopy } from '../build-download-copy'
import { firstUuid, lastUuid } from '../../../kernel/pipeline/uuid'
import { audioKeyPattern } from '../rules'

const reportedMax = 1_000
const namedMax = 20

/**
 * Counts the tracks of which objects are missing on this page of the listing, logs them, and has missing download
 * copies made again. Ids and keys sort alike, so a page of keys is a range of tracks and needs no request per object.
 */
export async function reportMissingAudio(
  page: { after: string; last: string | undefined; keys: readonly string[] },
  { app, signal, transact }: Pick<JobContext, 'app' | 'signal' | 'transact'>,
): Promise<number> {
  const { after, last, keys } = page
  const suspects = await app.db.queryBound<{ id: string; key: string }>(
    `select id, key from (${keysOfTracks}) as needed
     where key collate "C" > $3 and ($4::text is null or key collate "C" <= $4) and key <> all($5::text[])
     order by id limit ${reportedMax}`,
    [trackIn(after) ?? firstUuid, trackIn(last) ?? lastUuid, after, last ?? null, keys],
  )
  const lost = new Set<string>()
  for (const { id, key } of suspects) {
    if (signal.aborted || !(await isLost(id, key, { app }))) continue
    lost.add(id)
    await transact(inside => remakeCopy(id, key, inside))
  }
  if (lost.size > 0)
    app.log.warn({ tracks: [...lost].slice(0, namedMax), count: lost.size }, 'audio objects of tracks are missing')
  return lost.size
}

/** The original, the download copy, the playlists, the media files and the preview of each track from `$1` to `$2`. */
const keysOfTracks = `
  select track.id, needed.key
  from tracks track left join track_audio audio on audio.track_id = track.id
  cross join lateral (
    select unnest(array[track.audio_key, audio.manifest_key, audio.preview_key, audio.download_key]) as key
    union all
    select unnest(array[rendition ->> 'playlistKey', rendition ->> 'mediaKey'])
    from jsonb_array_elements(coalesce(audio.renditions, '[]')) as rendition
  ) needed
  where track.id >= $1::uuid and track.id <= $2::uuid and track.state = 'ready' and track.deleted_at is null
    and needed.key like 'audio/%'`

const trackIn = (key: string | undefined) => (key === undefined ? undefined : audioKeyPattern.exec(key)?.[1])

/** Checks again: the object may have been stored after the listing, or the track deleted or replaced. */
async function isLost(trackId: string, key: string, { app }: Pick<JobContext, 'app'>): Promise<boolean> {
  if ((await app.storage.head(key)) !== undefined) return false
  const stillNeeded = await app.db.queryBound(`select 1 from (${keysOfTracks}) as needed where key = $3`, [
    trackId,
    trackId,
    key,
  ])
  return stillNeeded.length > 0
}

/**
 * Has the download copy made again if the missing key is that of the copy; until then downloads answer
 * `download_not_ready`.
 */
async function remakeCopy(trackId: string, downloadKey: string, context: Context): Promise<void> {
  if ((await lockTrack(trackId)) === null) return
  const [clearedCount] = await TrackAudio.update(noDownloadCopy, { where: { trackId, downloadKey } })
  if (clearedCount > 0) await enqueueDownloadCopy(trackId, context)
}
