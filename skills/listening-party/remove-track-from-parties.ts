import { job } from '../../kernel/events/job'
import { id, shape } from '../../kernel/pipeline/schema'
import { Party } from '../../models'
import { applyPlaybackAction } from './apply-playback-action'
import { loadQueue } from './party-items'

/** Removes a deleted track from all parties, each in a transaction of its own; skips it where it is playing. */
export const removeTrackFromParties = job({
  name: 'listening-party.removeTrackFromParties',
  payload: shape({ trackId: id }),
  attemptsMax: 10,

  async run({ trackId }, { app, transact }) {
    const parties = await app.db.query<{ id: string }>(
      `select party_id as id from party_items where track_id = :trackId and left_queue_at is null
       union select id from parties where track_id = :trackId`,
      { trackId },
    )
    for (const party of parties)
      await transact(async context => {
        const locked = await Party.findByPk(party.id, { lock: true })
        if (locked === null || locked.endedAt !== null) return
        const itemIds = (await loadQueue(locked)).filter(item => item.trackId === trackId).map(item => item.id)
        await applyPlaybackAction(locked, { kind: 'dequeue', itemIds }, context)
        if (locked.trackId === trackId && locked.itemId !== null)
          await applyPlaybackAction(locked, { kind: 'skip', itemId: locked.itemId }, context)
      })
  },
})
