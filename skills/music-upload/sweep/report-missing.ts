import { type JobContext } from '../../../kernel/job'
import { Track } from '../../../models'
import { audioForm } from './wants'

const reportedMax = 1_000
const namedMax = 20
const [firstId, lastId] = ['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff']

/**
 * Tracks whose audio should be on this page of the listing and is not; answers how many. Ids and keys sort alike, so a page of
 * keys is a range of tracks, and nobody has to ask for each object.
 */
export async function reportMissing(
  page: { after: string; last: string | undefined; keys: readonly string[] },
  { world, signal }: Pick<JobContext, 'world' | 'signal'>,
): Promise<number> {
  const { after, last, keys } = page
  const suspects = await world.db.call<{ id: string; key: string }>(
    `select id, audio_key as key from tracks
     where id >= $1::uuid and id <= $2::uuid and state = 'ready' and removed_at is null
       and audio_key like 'audio/%' and audio_key collate "C" > $3 and ($4::text is null or audio_key collate "C" <= $4)
       and audio_key <> all($5::text[])
     order by id limit ${reportedMax}`,
    [trackIn(after) ?? firstId, trackIn(last) ?? lastId, after, last ?? null, keys],
  )
  const lost: string[] = []
  for (const { id, key } of suspects) if (!signal.aborted && (await isLost(id, key, { world }))) lost.push(id)
  if (lost.length > 0)
    world.log.warn({ tracks: lost.slice(0, namedMax), count: lost.length }, 'the audio of tracks is not in the bucket')
  return lost.length
}

const trackIn = (key: string | undefined) => (key === undefined ? undefined : audioForm.exec(key)?.[1])

/** Looks again: it may have come after the page was listed, or the track may have gone or got other audio meanwhile. */
async function isLost(trackId: string, key: string, { world }: Pick<JobContext, 'world'>): Promise<boolean> {
  if ((await world.storage.head(key)) !== undefined) return false
  const track = await Track.findByPk(trackId)
  return track?.removedAt === null && track.audioKey === key
}
