import { job } from '../../kernel/events/job'
import { emptyObject } from '../../kernel/pipeline/schema'
import { type AppContext } from '../../kernel/platform/app-context'
import { releaseTrack } from './release-track'

const batchMax = 100

/** Releases tracks whose own job was lost or has failed for good, as after an outage. One transaction each. */
export const releaseOverdueTracks = job({
  name: 'tracks.releaseOverdueTracks',
  payload: emptyObject,
  attemptsMax: 3,
  cron: '* * * * *',

  async run(_payload, context) {
    const { app, signal } = context
    for (let due = await nextDue(app); due.length > 0 && !signal.aborted; due = await nextDue(app))
      for (const { trackId, at } of due) await releaseTrack.run({ trackId, releaseAt: at.toISOString() }, context)
  },
})

/** Uses the index tracks_to_release. The loop ends because released tracks no longer match. */
const nextDue = ({ db, clock }: AppContext) =>
  db.query<{ trackId: string; at: Date }>(
    `select id as "trackId", release_at as at from tracks
     where release_visibility is not null and release_at <= :now and deleted_at is null order by release_at limit ${batchMax}`,
    { now: new Date(clock.now()) },
  )
