import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { applyPlaybackAction } from './apply-playback-action'
import { nothingToPlay, partyHasEnded } from './refusals'
import { visibleParty } from './visible-party'
import { hasPermission } from './rules'
import { playbackView, viewPlayback } from './views'

export const playParty = operation({
  name: 'listening-party.playParty',
  route: 'POST /parties/:partyId/play',
  summary: 'Play a party',
  description: 'Resumes playback for all members, or starts the first track of the queue.',
  auth: 'signed-in',
  input: shape({ partyId: id }),
  output: playbackView,
  limit: { perMinute: 120 },
  idempotency: 'natural',
  refuses: [nothingToPlay, partyHasEnded],

  load: ({ partyId }, context) => visibleParty(partyId, context, { lock: true }),

  allow: (_actor, { role }) => hasPermission('play', role),

  async run({ subject: { party } }, context) {
    return viewPlayback(party, await applyPlaybackAction(party, { kind: 'play' }, context))
  },
})
