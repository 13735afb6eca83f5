import { type Context } from '../../kernel/context'
import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { done, flag, id, isDone, optional, shape } from '../../kernel/schema'
import { type Party, PartyMember, Profile } from '../../models'
import { depart } from './depart'
import { direct } from './direct'
import { visibleParty, waitingIn } from './room'
import { mayRemove, roleOf } from './rules'

export const removeMember = operation({
  name: 'listening-party.removeMember',
  route: 'DELETE /parties/:partyId/members/:profileId',
  summary: 'Kick or ban a member',
  description:
    'With `ban` the user cannot rejoin and their queued tracks are removed. Users who are not members can be banned too.',
  who: 'signed-in',
  input: shape({ partyId: id, profileId: id, ban: optional(flag) }),
  output: done,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  async load({ partyId, profileId }, context) {
    const { party, role } = await visibleParty(partyId, context, { lock: true })
    const row = await PartyMember.findOne({ where: { partyId, profileId } })
    if (row === null && (await Profile.count({ where: { id: profileId } })) === 0) throw refusals.notFound()
    const target = row === null || row.bannedAt !== null ? null : roleOf(party, row)
    return { party, role, row, target }
  },

  allow: (_actor, { role, target }) => mayRemove(role, target),

  async run({ input: { profileId, ban = false }, subject: { party, row, target } }, context) {
    if (target !== null) await depart(party, profileId, ban ? 'banned' : 'removed', context)
    else if (ban && row === null) await banNonMember(party, profileId, context)
    if (ban) await clearQueueOf(party, profileId, context)
    return isDone
  },
})

const banNonMember = ({ id: partyId }: Party, profileId: string, { now }: Context) =>
  PartyMember.create({ partyId, profileId, role: 'listener', joinedAt: now, bannedAt: now })

async function clearQueueOf(party: Party, profileId: string, context: Context): Promise<void> {
  const itemIds = (await waitingIn(party)).filter(({ addedBy }) => addedBy === profileId).map(({ id }) => id)
  if (itemIds.length > 0) await direct(party, { kind: 'dequeue', itemIds }, context)
}
