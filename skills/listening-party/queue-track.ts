import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { visibleTrack } from '../streaming/views'
import { direct } from './direct'
import { partyOver, queueFull, queueShareFull, trackNotReady } from './refusals'
import { visibleParty } from './room'
import { mayInParty } from './rules'
import { toItem } from './tracks'
import { queuedView, viewMoment } from './views'

export const queueTrack = operation({
  name: 'listening-party.queueTrack',
  route: 'POST /parties/:partyId/queue',
  summary: "Add a track to a party's queue",
  description: 'At the end. You must be able to see the track. Members who cannot see it hear nothing while it plays.',
  who: 'signed-in',
  input: shape({ partyId: id, trackId: id }),
  output: queuedView,
  limit: { perMinute: 60 },
  idempotency: 'keyed',
  status: 201,
  refuses: [partyOver, queueFull, queueShareFull, trackNotReady],

  async load({ partyId, trackId }, context) {
    const room = await visibleParty(partyId, context, { lock: true })
    // Lock the track: a concurrent deletion is either seen here, or its `dropTrack` job finds the item.
    return { ...room, track: await visibleTrack(trackId, context, { lock: true }) }
  },

  allow: (_actor, { role }) => mayInParty('queue', role),

  async run({ subject: { party, track }, actor }, context) {
    const item = toItem(actor, track, context.now)
    const state = await direct(party, { kind: 'enqueue', items: [item] }, context)
    return { ...viewMoment(party, state), itemId: item.itemId }
  },
})
