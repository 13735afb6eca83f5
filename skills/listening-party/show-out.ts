import { job } from '../../kernel/job'
import { id, shape } from '../../kernel/schema'
import { type World } from '../../kernel/world'
import { Party } from '../../models'
import { depart } from './depart'

/** Removes the members whom the host blocks, from all parties of the host; each party in a transaction of its own. */
export const showOut = job({
  name: 'listening-party.showOut',
  payload: shape({ hostId: id }),
  attemptsMax: 10,

  async run({ hostId }, { world, transact }) {
    const blocked = await findBlockedMembers(hostId, world)
    for (const partyId of new Set(blocked.map(row => row.partyId)))
      await transact(async context => {
        const party = await Party.findByPk(partyId, { lock: true })
        if (party === null) return
        // Read again under the party's lock.
        const blockedNow = (await findBlockedMembers(hostId, world)).filter(row => row.partyId === partyId)
        for (const { profileId } of blockedNow) await depart(party, profileId, 'removed', context)
      })
  },
})

const findBlockedMembers = (hostId: string, { db }: World) =>
  db.query<{ partyId: string; profileId: string }>(
    `select party.id as "partyId", member.profile_id as "profileId"
     from parties party
     join party_members member on member.party_id = party.id and member.banned_at is null
     join blocks on blocker_id = party.host_id and blocked_id = member.profile_id
     where party.host_id = :hostId and party.ended_at is null
     order by member.profile_id`,
    { hostId },
  )
