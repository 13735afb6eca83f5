import { job } from '../../kernel/events/job'
import { id, shape } from '../../kernel/pipeline/schema'
import { type AppContext } from '../../kernel/platform/app-context'
import { Party } from '../../models'
import { removeMember } from './remove-member'

/** Removes the members whom the host blocks, from all parties of the host; each party in a transaction of its own. */
export const removeBlockedMembers = job({
  name: 'listening-party.removeBlockedMembers',
  payload: shape({ hostId: id }),
  attemptsMax: 10,

  async run({ hostId }, { app, transact }) {
    const blocked = await findBlockedMembers(hostId, app)
    for (const partyId of new Set(blocked.map(row => row.partyId)))
      await transact(async context => {
        const party = await Party.findByPk(partyId, { lock: true })
        if (party === null) return
        // Read again under the party's lock.
        const blockedNow = (await findBlockedMembers(hostId, app)).filter(row => row.partyId === partyId)
        for (const { profileId } of blockedNow) await removeMember(party, profileId, 'kicked', context)
      })
  },
})

const findBlockedMembers = (hostId: string, { db }: AppContext) =>
  db.query<{ partyId: string; profileId: string }>(
    `select party.id as "partyId", member.profile_id as "profileId"
     from parties party
     join party_members member on member.party_id = party.id and member.banned_at is null
     join blocks on blocker_id = party.host_id and blocked_id = member.profile_id
     where party.host_id = :hostId and party.ended_at is null
     order by member.profile_id`,
    { hostId },
  )
