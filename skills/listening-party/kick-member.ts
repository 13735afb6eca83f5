import { type Context } from '../../kernel/pipeline/context'
import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { done, boolean, id, doneAnswer, optional, shape } from '../../kernel/pipeline/schema'
import { type Party, PartyMember, Profile } from '../../models'
import { removeMember } from './remove-member'
import { applyPlaybackAction } from './apply-playback-action'
import { loadQueue } from './party-items'
import { visibleParty } from './visible-party'
import { mayKick, roleOf } from './rules'

export const kickMember = operation({
  name: 'listening-party.kickMember',
  route: 'DELETE /parties/:partyId/members/:profileId',
  summary: 'Kick or ban a member',
  description:
    'With `ban` the user cannot rejoin and their queued tracks are removed. Users who are not members can be banned too.',
  auth: 'signed-in',
  input: shape({ partyId: id, profileId: id, ban: optional(boolean) }),
  output: done,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  async load({ partyId, profileId }, context) {
    const { party, role } = await visibleParty(partyId, context, { lock: true })
    const row = await PartyMember.findOne({ where: { partyId, profileId } })
    if (row === null && (await Profile.count({ where: { id: profileId } })) === 0) throw refusals.notFound()
    const targetRole = row === null || row.bannedAt !== null ? null : roleOf(party, row)
    return { party, role, row, targetRole }
  },

  allow: (_actor, { role, targetRole }) => mayKick(role, targetRole),

  async run({ input: { profileId, ban = false }, subject: { party, row, targetRole } }, context) {
    if (targetRole !== null) await removeMember(party, profileId, ban ? 'banned' : 'kicked', context)
    else if (ban && row === null) await banNonMember(party, profileId, context)
    if (ban) await dequeueItemsOf(party, profileId, context)
    return doneAnswer
  },
})

const banNonMember = ({ id: partyId }: Party, profileId: string, { now }: Context) =>
  PartyMember.create({ partyId, profileId, role: 'listener', joinedAt: now, bannedAt: now })

async function dequeueItemsOf(party: Party, profileId: string, context: Context): Promise<void> {
  const itemIds = (await loadQueue(party)).filter(({ addedBy }) => addedBy === profileId).map(({ id }) => id)
  if (itemIds.length > 0) await applyPlaybackAction(party, { kind: 'dequeue', itemIds }, context)
}
