import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { applyPlaybackAction } from './apply-playback-action'
import { itemNotCurrent, partyHasEnded } from './refusals'
import { findPartyItem } from './party-items'
import { visibleParty } from './visible-party'
import { hasPermission } from './rules'
import { playbackView, viewPlayback } from './views'

export const skipTrack = operation({
  name: 'listening-party.skipTrack',
  route: 'POST /parties/:partyId/skip',
  summary: 'Skip the current track of a party',
  description:
    'Names the item, so that two members who skip it at once skip once. Skipping an item that has ended changes nothing.',
  auth: 'signed-in',
  input: shape({ partyId: id, itemId: id }),
  output: playbackView,
  limit: { perMinute: 120 },
  idempotency: 'natural',
  refuses: [itemNotCurrent, partyHasEnded],

  async load({ partyId, itemId }, context) {
    const viewerParty = await visibleParty(partyId, context, { lock: true })
    return { ...viewerParty, item: await findPartyItem(viewerParty.party, itemId) }
  },

  allow: (actor, { role, item }) => hasPermission('skip', role, item.addedBy === actor.id),

  async run({ input: { itemId }, subject: { party } }, context) {
    return viewPlayback(party, await applyPlaybackAction(party, { kind: 'skip', itemId }, context))
  },
})
