import { type JobContext } from '../../kernel/job'
import { isJobAlive } from '../../kernel/world/jobs'
import { audioVersionIn } from '../streaming/rules'

/** A track that lacks the copy which others than its owner are given. */
export interface Uncopied {
  id: string
  uploadId: string
  audioKey: string
  durationMs: number
}

/** The same of a page of tracks, and where the next page begins: empty behind the last one. */
export interface UncopiedPage {
  tracks: Uncopied[]
  next: string
}

/** What the key of the job that copies a track begins with, before the id of the track. */
export const copyKeyPrefix = 'download:'

/** So many tracks are looked at in one statement, whatever is found among them: 60 ms, of 300,000 that all had their copy. */
export const pageTracksMax = 2_000
/** Where nobody hears of the end of a worker, its jobs are unlocked after so long. */
const copyingMsMax = 4 * 60 * 60_000
const firstId = '00000000-0000-0000-0000-000000000000'

/** The track, if it may be downloaded, or is listened to as the file itself, and nobody has tried to copy its present audio. */
export async function uncopied(trackId: string, { world }: Pick<JobContext, 'world'>): Promise<Uncopied | undefined> {
  const [row] = await world.db.call<Row>(query('where track.id = $1'), [trackId])
  return row === undefined ? undefined : asUncopied(row)[0]
}

/** Of the tracks behind an id those whose copy is not asked for yet. */
export async function uncopiedAfter(after: string, { world }: Pick<JobContext, 'world'>): Promise<UncopiedPage> {
  const range = `where track.id > $1 order by track.id limit ${pageTracksMax}`
  const sql = `${query(range)} and not ${isJobAlive(`'${copyKeyPrefix}' || track.id`, `${copyingMsMax}`)} order by track.id`
  const rows = await world.db.call<Row>(sql, [after || firstId])
  return { tracks: rows.flatMap(asUncopied), next: rows.length < pageTracksMax ? '' : (rows.at(-1)?.id ?? '') }
}

type Row = Pick<Uncopied, 'id'> & { [Field in Exclude<keyof Uncopied, 'id'>]: Uncopied[Field] | null }

const asUncopied = ({ id, uploadId, audioKey, durationMs }: Row): Uncopied[] =>
  uploadId === null || audioKey === null || durationMs === null ? [] : [{ id, uploadId, audioKey, durationMs }]

/**
 * A row for each track of the range, empty but for its id where there is nothing to do: the work is bounded by the range, and
 * the last row says how far it went. Each track is joined by primary keys, on its own, whatever the planner believes.
 */
const query = (range: string) => `
  select track.id, upload.id as "uploadId", track.audio_key as "audioKey", track.duration_ms as "durationMs"
  from (select * from tracks track ${range}) as track
  left join lateral (select * from track_audio where track_id = track.id limit 1) as audio on true
  left join lateral (select id from uploads where id = ${audioVersionIn('track')} limit 1) as upload
    on track.state = 'ready' and track.removed_at is null and track.audio_key like 'audio/%'
    and audio.download_of is distinct from upload.id
    and (track.is_downloadable or audio.track_id is null or audio.renditions = '[]')`
