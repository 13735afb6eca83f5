import { job } from '../../kernel/job'
import { id, shape } from '../../kernel/schema'
import { type World } from '../../kernel/world'
import { Party } from '../../models'
import { depart } from './depart'

/** Nobody stays in a party whose host blocks them. Each party is a transaction of its own. */
export const showOut = job({
  name: 'listening-party.showOut',
  payload: shape({ hostId: id }),
  attemptsMax: 10,

  async run({ hostId }, { world, transact }) {
    const unwanted = await unwantedBy(hostId, world)
    for (const partyId of new Set(unwanted.map(row => row.partyId)))
      await transact(async context => {
        const party = await Party.findByPk(partyId, { lock: true })
        if (party === null) return
        const still = (await unwantedBy(hostId, world)).filter(row => row.partyId === partyId)
        for (const { profileId } of still) await depart(party, profileId, 'removed', context)
      })
  },
})

const unwantedBy = (hostId: string, { db }: World) =>
  db.query<{ partyId: string; profileId: string }>(
    `select party.id as "partyId", member.profile_id as "profileId"
     from parties party
     join party_members member on member.party_id = party.id and member.banned_at is null
     join blocks on blocker_id = party.host_id and blocked_id = member.profile_id
     where party.host_id = :hostId and party.ended_at is null
     order by member.profile_id`,
    { hostId },
  )
