import { Op } from 'sequelize'
import { type Job, job } from '../../kernel/job'
import { id, shape } from '../../kernel/schema'
import { Fingerprint, FingerprintMatch } from '../../models'
import { lockTrack } from '../streaming/views'
import { differenceOf, readFingerprint } from './audio/fingerprint'

/** So many that have most key words in common are compared. */
const candidatesMax = 20
/** One word in common may be chance; of two that are the same recording most are. */
const sharedWordsMin = 3
/** Of a word that half of the bucket has, no more rows than this are read. */
const lookedAtMax = 2_000

/**
 * Notes which tracks sound like the same recording as a new one. A job of its own: whatever it finds, the track is ready.
 * Of two that become ready at the same time, the job that runs later sees the other.
 */
export const findResemblance: Job<{ trackId: string }> = job({
  name: 'music-upload.findResemblance',
  payload: shape({ trackId: id }),
  attemptsMax: 5,

  async run({ trackId }, { world, transact }) {
    await transact(async ({ now }) => {
      const track = await lockTrack(trackId)
      if (track === null || track.removedAt !== null) return
      // Its audio may have been replaced.
      await FingerprintMatch.destroy({ where: { [Op.or]: [{ trackId }, { otherId: trackId }] } })
      for (const { id } of await world.db.call<{ id: string }>(sameFileSql, [trackId, candidatesMax]))
        await FingerprintMatch.upsert({ ...ordered(trackId, id), difference: 0, createdAt: now })
      const mine = await Fingerprint.findByPk(trackId)
      const words = mine === null ? null : readFingerprint(mine.words)
      if (mine === null || words === null) return
      const values = [trackId, mine.keyWords, sharedWordsMin, candidatesMax, lookedAtMax]
      const candidates = await world.db.call<Candidate>(candidatesSql, values)
      for (const candidate of candidates) {
        const others = readFingerprint(candidate.words)
        const difference = others === null ? null : differenceOf(words, others)
        if (difference !== null)
          await FingerprintMatch.upsert({ ...ordered(trackId, candidate.id), difference, createdAt: now })
      }
    })
  },
})

/** A pair has one row, whichever of the two is looked at: ids sort by the time they were made. */
const ordered = (one: string, other: string) =>
  one > other ? { trackId: one, otherId: other } : { trackId: other, otherId: one }

/** Other tracks that play the very same file: also what is too short for a fingerprint, or made without. */
const sameFileSql = `
  select other.id
  from uploads mine
  join uploads theirs on theirs.sha256 = mine.sha256 and theirs.state = 'ready' and theirs.track_id <> $1
  join tracks other on other.id = theirs.track_id and other.removed_at is null and other.audio_version = theirs.id
  where mine.track_id = $1 and mine.state = 'ready' and mine.id = (select audio_version from tracks where id = $1)
  order by other.id limit $2`

interface Candidate {
  id: string
  words: Buffer
}

const candidatesSql = `
  with likely as (
    select f.track_id, f.words, f.key_words from fingerprints f
    where f.key_words && $2::int[] and f.track_id <> $1 limit $5
  )
  select l.track_id as id, l.words
  from likely l
  join tracks t on t.id = l.track_id and t.removed_at is null
  cross join lateral (select count(*) as shared from unnest(l.key_words) as word where word = any($2::int[])) s
  where s.shared >= $3
  order by s.shared desc, l.track_id
  limit $4`
