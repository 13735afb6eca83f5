import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { direct } from './direct'
import { partyOver } from './refusals'
import { itemOf, visibleParty } from './room'
import { mayInParty } from './rules'
import { momentView, viewMoment } from './views'

export const unqueueTrack = operation({
  name: 'listening-party.unqueueTrack',
  route: 'DELETE /parties/:partyId/queue/:itemId',
  summary: "Remove an item from a party's queue",
  description: 'Changes nothing for an item that is playing or no longer queued: skip the current item instead.',
  who: 'signed-in',
  input: shape({ partyId: id, itemId: id }),
  output: momentView,
  limit: { perMinute: 120 },
  idempotency: 'natural',
  refuses: [partyOver],

  async load({ partyId, itemId }, context) {
    const room = await visibleParty(partyId, context, { lock: true })
    return { ...room, item: await itemOf(room.party, itemId) }
  },

  allow: (actor, { role, item }) => mayInParty('unqueue', role, item.addedBy === actor.id),

  async run({ input: { itemId }, subject: { party } }, context) {
    return viewMoment(party, await direct(party, { kind: 'dequeue', itemIds: [itemId] }, context))
  },
})
