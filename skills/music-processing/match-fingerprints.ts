import { Op } from 'sequelize'
import { type Job, job } from '../../kernel/events/job'
import { id, shape } from '../../kernel/pipeline/schema'
import { Fingerprint, FingerprintMatch } from '../../models'
import { lockTrack } from '../tracks/views'
import { fingerprintDifference, parseFingerprint } from '../../media/audio/fingerprint'

/** At most this many candidates are compared: those that share most indexed hashes. */
const candidatesMax = 20
/** One shared hash may be chance; two copies of a recording share most hashes. */
const sharedHashesMin = 3
/** Limit on the index rows read: a common hash may match half of the table. */
const scannedRowsMax = 2_000

/**
 * Records which tracks sound like the same recording as a new one. A separate job, so that the track is ready
 * whatever its outcome. When two tracks become ready at the same time, the job that runs later finds the other one.
 */
export const matchFingerprints: Job<{ trackId: string }> = job({
  name: 'music-processing.matchFingerprints',
  payload: shape({ trackId: id }),
  attemptsMax: 5,

  async run({ trackId }, { app, transact }) {
    await transact(async ({ now }) => {
      const track = await lockTrack(trackId)
      if (track === null || track.deletedAt !== null) return
      // The matches of replaced audio are obsolete.
      await FingerprintMatch.destroy({ where: { [Op.or]: [{ trackId }, { olderTrackId: trackId }] } })
      for (const { id } of await app.db.queryBound<{ id: string }>(sameFileSql, [trackId, candidatesMax]))
        await FingerprintMatch.upsert({ ...newerFirst(trackId, id), difference: 0, createdAt: now })
      const mine = await Fingerprint.findByPk(trackId)
      const hashes = mine === null ? null : parseFingerprint(mine.hashes)
      if (mine === null || hashes === null) return
      const values = [trackId, mine.indexedHashes, sharedHashesMin, candidatesMax, scannedRowsMax]
      const candidates = await app.db.queryBound<Candidate>(candidatesSql, values)
      for (const candidate of candidates) {
        const others = parseFingerprint(candidate.hashes)
        const difference = others === null ? null : fingerprintDifference(hashes, others)
        if (difference !== null)
          await FingerprintMatch.upsert({ ...newerFirst(trackId, candidate.id), difference, createdAt: now })
      }
    })
  },
})

/** One row per pair, the newer track first: ids sort by creation time. */
const newerFirst = (one: string, other: string) =>
  one > other ? { trackId: one, olderTrackId: other } : { trackId: other, olderTrackId: one }

/** Other tracks with a byte-identical file, also when it is too short for a fingerprint or has none. */
const sameFileSql = `
  select other.id
  from uploads mine
  join uploads theirs on theirs.sha256 = mine.sha256 and theirs.state = 'ready' and theirs.track_id <> $1
  join tracks other on other.id = theirs.track_id and other.deleted_at is null and other.audio_version = theirs.id
  where mine.track_id = $1 and mine.state = 'ready' and mine.id = (select audio_version from tracks where id = $1)
  order by other.id limit $2`

interface Candidate {
  id: string
  hashes: Buffer
}

const candidatesSql = `
  with likely as (
    select f.track_id, f.hashes, f.indexed_hashes from fingerprints f
    where f.indexed_hashes && $2::int[] and f.track_id <> $1 limit $5
  )
  select l.track_id as id, l.hashes
  from likely l
  join tracks t on t.id = l.track_id and t.deleted_at is null
  cross join lateral (select count(*) as shared from unnest(l.indexed_hashes) as hash where hash = any($2::int[])) s
  where s.shared >= $3
  order by s.shared desc, l.track_id
  limit $4`
