import { isModerator } from '../../kernel/pipeline/actor'
import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { PartyMember } from '../../models'
import { loadProfileSummary } from '../user-profile/views'
import { applyPlaybackAction } from './apply-playback-action'
import { memberJoined } from './events'
import { partyFull, partyHasEnded } from './refusals'
import { saveRevision } from './save-revision'
import { requireOpenParty, visibleParty } from './visible-party'
import { roleOf } from './rules'
import { loadPartySnapshot } from './load-party-snapshot'
import { snapshotView, viewMember } from './views'

export const joinParty = operation({
  name: 'listening-party.joinParty',
  route: 'PUT /parties/:partyId/membership',
  summary: 'Join a party',
  description: 'You become the host of an empty party.',
  auth: 'signed-in',
  input: shape({ partyId: id }),
  output: snapshotView,
  limit: { perMinute: 60 },
  idempotency: 'natural',
  refuses: [partyFull, partyHasEnded],

  async load({ partyId }, context) {
    const viewerParty = await visibleParty(partyId, context, { lock: true })
    requireOpenParty(viewerParty.party)
    return viewerParty
  },

  allow: () => true,

  async run({ subject: viewerParty, actor }, context) {
    const { party } = viewerParty
    if (viewerParty.role === null) {
      if (party.memberCount >= party.capacity && !isModerator(actor)) throw partyFull()
      if (party.memberCount === 0) party.hostId = actor.id
      const row = await upsertMember(party.id, actor.id, context.now)
      party.memberCount += 1
      const member = viewMember(party, row, await loadProfileSummary(actor.id))
      await context.emit(memberJoined, { ...(await saveRevision(party)), member, memberCount: party.memberCount })
      viewerParty.role = roleOf(party, row)
    }
    // Catch up with tracks that ended while no worker was running, so that the snapshot is current.
    await applyPlaybackAction(party, { kind: 'catch-up' }, context)
    return loadPartySnapshot(viewerParty, context)
  },
})

/** An upsert, because a banned moderator may rejoin, and a banned user's row is kept. */
async function upsertMember(partyId: string, profileId: string, joinedAt: Date): Promise<PartyMember> {
  const [member] = await PartyMember.upsert({ partyId, profileId, role: 'listener', joinedAt, bannedAt: null })
  return member
}
