import { job } from '../../kernel/job'
import { nothing } from '../../kernel/schema'
import { type World } from '../../kernel/world'
import { releaseTrack } from './release-track'

const batchMax = 100

/** Catches up with releases whose own job was lost or has given up, as after an outage. Each is a transaction of its own. */
export const releaseDue = job({
  name: 'music-upload.releaseDue',
  payload: nothing,
  attemptsMax: 3,
  cron: '* * * * *',

  async run(_payload, context) {
    const { world, signal } = context
    for (let due = await nextDue(world); due.length > 0 && !signal.aborted; due = await nextDue(world))
      for (const { trackId, at } of due) await releaseTrack.run({ trackId, releaseAt: at.toISOString() }, context)
  },
})

/** By the index tracks_to_release. What was released is no more among them: it ends. */
const nextDue = ({ db, clock }: World) =>
  db.query<{ trackId: string; at: Date }>(
    `select id as "trackId", release_at as at from tracks
     where release_as is not null and release_at <= :now and removed_at is null order by release_at limit ${batchMax}`,
    { now: new Date(clock.now()) },
  )
