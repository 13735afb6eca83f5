import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { applyPlaybackAction } from './apply-playback-action'
import { partyHasEnded } from './refusals'
import { findPartyItem } from './party-items'
import { visibleParty } from './visible-party'
import { hasPermission } from './rules'
import { playbackView, viewPlayback } from './views'

export const removeQueueItem = operation({
  name: 'listening-party.removeQueueItem',
  route: 'DELETE /parties/:partyId/queue/:itemId',
  summary: "Remove an item from a party's queue",
  description: 'Changes nothing for an item that is playing or no longer queued: skip the current item instead.',
  auth: 'signed-in',
  input: shape({ partyId: id, itemId: id }),
  output: playbackView,
  limit: { perMinute: 120 },
  idempotency: 'natural',
  refuses: [partyHasEnded],

  async load({ partyId, itemId }, context) {
    const viewerParty = await visibleParty(partyId, context, { lock: true })
    return { ...viewerParty, item: await findPartyItem(viewerParty.party, itemId) }
  },

  allow: (actor, { role, item }) => hasPermission('remove-from-queue', role, item.addedBy === actor.id),

  async run({ input: { itemId }, subject: { party } }, context) {
    return viewPlayback(party, await applyPlaybackAction(party, { kind: 'dequeue', itemIds: [itemId] }, context))
  },
})
