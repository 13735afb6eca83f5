import { job } from '../../kernel/job'
import { id, shape } from '../../kernel/schema'
import { Party } from '../../models'
import { direct } from './direct'
import { waitingIn } from './room'

/** Removes a deleted track from all parties, each in a transaction of its own; skips it where it is playing. */
export const dropTrack = job({
  name: 'listening-party.dropTrack',
  payload: shape({ trackId: id }),
  attemptsMax: 10,

  async run({ trackId }, { world, transact }) {
    const parties = await world.db.query<{ id: string }>(
      `select party_id as id from party_items where track_id = :trackId and taken_at is null
       union select id from parties where track_id = :trackId`,
      { trackId },
    )
    for (const party of parties)
      await transact(async context => {
        const locked = await Party.findByPk(party.id, { lock: true })
        if (locked === null || locked.endedAt !== null) return
        const itemIds = (await waitingIn(locked)).filter(item => item.trackId === trackId).map(item => item.id)
        await direct(locked, { kind: 'dequeue', itemIds }, context)
        if (locked.trackId === trackId && locked.itemId !== null)
          await direct(locked, { kind: 'skip', itemId: locked.itemId }, context)
      })
  },
})
