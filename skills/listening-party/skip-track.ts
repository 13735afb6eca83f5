import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { direct } from './direct'
import { itemNotCurrent, partyOver } from './refusals'
import { itemOf, visibleParty } from './room'
import { mayInParty } from './rules'
import { momentView, viewMoment } from './views'

export const skipTrack = operation({
  name: 'listening-party.skipTrack',
  route: 'POST /parties/:partyId/skip',
  summary: 'Skip the current track of a party',
  description:
    'Names the item, so that two members who skip it at once skip once. Skipping an item that has ended changes nothing.',
  who: 'signed-in',
  input: shape({ partyId: id, itemId: id }),
  output: momentView,
  limit: { perMinute: 120 },
  idempotency: 'natural',
  refuses: [itemNotCurrent, partyOver],

  async load({ partyId, itemId }, context) {
    const room = await visibleParty(partyId, context, { lock: true })
    return { ...room, item: await itemOf(room.party, itemId) }
  },

  allow: (actor, { role, item }) => mayInParty('skip', role, item.addedBy === actor.id),

  async run({ input: { itemId }, subject: { party } }, context) {
    return viewMoment(party, await direct(party, { kind: 'skip', itemId }, context))
  },
})
