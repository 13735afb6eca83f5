import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { applyPlaybackAction } from './apply-playback-action'
import { partyHasEnded } from './refusals'
import { visibleParty } from './visible-party'
import { hasPermission } from './rules'
import { playbackView, viewPlayback } from './views'

export const pauseParty = operation({
  name: 'listening-party.pauseParty',
  route: 'POST /parties/:partyId/pause',
  summary: 'Pause a party',
  description: 'Pauses playback for all members.',
  auth: 'signed-in',
  input: shape({ partyId: id }),
  output: playbackView,
  limit: { perMinute: 120 },
  idempotency: 'natural',
  refuses: [partyHasEnded],

  load: ({ partyId }, context) => visibleParty(partyId, context, { lock: true }),

  allow: (_actor, { role }) => hasPermission('pause', role),

  async run({ subject: { party } }, context) {
    return viewPlayback(party, await applyPlaybackAction(party, { kind: 'pause' }, context))
  },
})
