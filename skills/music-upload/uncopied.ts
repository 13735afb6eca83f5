import { type JobContext } from '../../kernel/job'

/** A track that lacks the copy which others than its owner are given. */
export interface Uncopied {
  id: string
  uploadId: string
  audioKey: string
  durationMs: number
}

const firstId = '00000000-0000-0000-0000-000000000000'

/**
 * Of one track, or of `limit` of those behind an id: what may be downloaded, and what is listened to as the file itself since
 * nothing was made of it, where nobody has tried to make a copy of the audio that it has now.
 */
export const uncopied = (
  which: { trackId: string } | { after: string; limit: number },
  { world }: Pick<JobContext, 'world'>,
): Promise<Uncopied[]> =>
  'trackId' in which
    ? world.db.call<Uncopied>(query('track.id = $1', 1), [which.trackId])
    : world.db.call<Uncopied>(query('track.id > $1', which.limit), [which.after || firstId])

// The key says which upload it is of, also on a track of before that was noted.
const query = (range: string, limit: number) => `
  select track.id, upload.id as "uploadId", track.audio_key as "audioKey", track.duration_ms as "durationMs"
  from tracks track
  join uploads upload on upload.id = substring(track.audio_key from '([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})[.][a-z0-9]+$')::uuid
  left join track_audio audio on audio.track_id = track.id
  where ${range} and track.state = 'ready' and track.removed_at is null and track.audio_key like 'audio/%'
    and track.duration_ms is not null and audio.download_of is distinct from upload.id
    and (track.is_downloadable or audio.track_id is null or audio.renditions = '[]')
  order by track.id limit ${limit}`
