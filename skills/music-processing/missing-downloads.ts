import { type JobContext } from '../../kernel/events/job'
import { firstUuid } from '../../kernel/pipeline/uuid'
import { jobAliveSql } from '../../kernel/events/job-queue'

/** A track without its download copy. */
export interface MissingDownload {
  id: string
  uploadId: string
  audioKey: string
  durationMs: number
}

/** A page of such tracks, and the id after which the next page begins: empty at the end. */
export interface MissingDownloadPage {
  tracks: MissingDownload[]
  next: string
}

/** Prefix of the key of a copy job; the id of the track follows. */
export const downloadJobKeyPrefix = 'download:'

/** Tracks examined per statement: 60 ms for 300,000 tracks that all had their copy. */
export const pageTracksMax = 2_000
/** Jobs of a worker that died unnoticed are unlocked after this time. */
const copyingMsMax = 4 * 60 * 60_000

/**
 * The track, if it is downloadable or streamed as its original file, and no copy of its present audio was attempted.
 */
export async function findMissingDownload(
  trackId: string,
  { app }: Pick<JobContext, 'app'>,
): Promise<MissingDownload | undefined> {
  const [row] = await app.db.queryBound<Row>(query('where track.id = $1'), [trackId])
  return row === undefined ? undefined : toMissingDownload(row)[0]
}

/** The tracks after an id that need a copy and have no job for it yet. */
export async function pageMissingDownloads(
  after: string,
  { app }: Pick<JobContext, 'app'>,
): Promise<MissingDownloadPage> {
  const range = `where track.id > $1 order by track.id limit ${pageTracksMax}`
  const sql = `${query(range)} and not ${jobAliveSql(`'${downloadJobKeyPrefix}' || track.id`, `${copyingMsMax}`)} order by track.id`
  const rows = await app.db.queryBound<Row>(sql, [after || firstUuid])
  return { tracks: rows.flatMap(toMissingDownload), next: rows.length < pageTracksMax ? '' : (rows.at(-1)?.id ?? '') }
}

type Row = Pick<MissingDownload, 'id'> & {
  [Field in Exclude<keyof MissingDownload, 'id'>]: MissingDownload[Field] | null
}

const toMissingDownload = ({ id, uploadId, audioKey, durationMs }: Row): MissingDownload[] =>
  uploadId === null || audioKey === null || durationMs === null ? [] : [{ id, uploadId, audioKey, durationMs }]

/**
 * One row per track of the range, with only the id where nothing is to do: the range bounds the work, and the last
 * row says how far it went. Lateral joins by primary key, whatever the planner estimates.
 */
const query = (range: string) => `
  select track.id, upload.id as "uploadId", track.audio_key as "audioKey", track.duration_ms as "durationMs"
  from (select * from tracks track ${range}) as track
  left join lateral (select * from track_audio where track_id = track.id limit 1) as audio on true
  left join lateral (select id from uploads where id = track.audio_version limit 1) as upload
    on track.state = 'ready' and track.deleted_at is null and track.audio_key like 'audio/%'
    and audio.download_upload_id is distinct from upload.id
    and (track.is_downloadable or audio.track_id is null or audio.renditions = '[]')`
