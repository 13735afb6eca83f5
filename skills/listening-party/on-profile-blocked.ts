import { reaction } from '../../kernel/event'
import { job } from '../../kernel/job'
import { id, shape } from '../../kernel/schema'
import { Party, PartyMember } from '../../models'
import { profileBlocked } from '../user-profile/events'
import { depart } from './depart'

/** In a job, because blocking holds both profiles, and joining a party locks the party before it refers to a profile. */
export const onProfileBlocked = reaction({
  to: profileBlocked,
  because: 'nobody stays in the party of somebody who blocked them',
  react: ({ profileId, by }, { enqueue }) => enqueue(showOut, { hostId: by.id, profileId }),
})

export const showOut = job({
  name: 'listening-party.showOut',
  payload: shape({ hostId: id, profileId: id }),
  attemptsMax: 10,

  async run({ hostId, profileId }, { world, transact }) {
    const parties = await world.db.query<{ id: string }>(
      `select party.id from parties party join party_members member on member.party_id = party.id
       where party.host_id = :hostId and party.ended_at is null
         and member.profile_id = :profileId and member.banned_at is null`,
      { hostId, profileId },
    )
    for (const { id: partyId } of parties)
      await transact(async context => {
        const party = await Party.findByPk(partyId, { lock: true })
        const isIn = (await PartyMember.count({ where: { partyId, profileId, bannedAt: null } })) > 0
        if (party?.hostId === hostId && isIn) await depart(party, profileId, 'removed', context)
      })
  },
})
