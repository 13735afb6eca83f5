import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { trackNotReady } from '../tracks/rules'
import { loadVisibleTrack } from '../tracks/views'
import { applyPlaybackAction } from './apply-playback-action'
import { partyHasEnded, queueFull, memberQueueFull } from './refusals'
import { visibleParty } from './visible-party'
import { hasPermission } from './rules'
import { toQueuedItem } from './queued-items'
import { queuedTrackView, viewPlayback } from './views'

export const queueTrack = operation({
  name: 'listening-party.queueTrack',
  route: 'POST /parties/:partyId/queue',
  summary: "Add a track to a party's queue",
  description: 'At the end. You must be able to see the track. Members who cannot see it hear nothing while it plays.',
  auth: 'signed-in',
  input: shape({ partyId: id, trackId: id }),
  output: queuedTrackView,
  limit: { perMinute: 60 },
  idempotency: 'keyed',
  status: 201,
  refuses: [partyHasEnded, queueFull, memberQueueFull, trackNotReady],

  async load({ partyId, trackId }, context) {
    const viewerParty = await visibleParty(partyId, context, { lock: true })
    // Lock the track: a concurrent deletion is either seen here, or its `removeTrackFromParties` job finds the item.
    return { ...viewerParty, track: await loadVisibleTrack(trackId, context, { lock: true }) }
  },

  allow: (_actor, { role }) => hasPermission('queue', role),

  async run({ subject: { party, track }, actor }, context) {
    const item = toQueuedItem(actor, track, context.now)
    const state = await applyPlaybackAction(party, { kind: 'enqueue', items: [item] }, context)
    return { ...viewPlayback(party, state), itemId: item.itemId }
  },
})
