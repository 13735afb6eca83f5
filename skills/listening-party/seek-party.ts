import { operation } from '../../kernel/pipeline/operation'
import { id, shape, integer } from '../../kernel/pipeline/schema'
import { applyPlaybackAction } from './apply-playback-action'
import { nothingPlaying, partyHasEnded } from './refusals'
import { visibleParty } from './visible-party'
import { hasPermission } from './rules'
import { playbackView, viewPlayback } from './views'

const positionMsMax = 86_400_000

export const seekParty = operation({
  name: 'listening-party.seekParty',
  route: 'POST /parties/:partyId/seek',
  summary: 'Seek in the current track of a party',
  description: 'A position beyond the end is the end.',
  auth: 'signed-in',
  input: shape({ partyId: id, positionMs: integer(0, positionMsMax) }),
  output: playbackView,
  limit: { perMinute: 120 },
  idempotency: 'keyed',
  refuses: [nothingPlaying, partyHasEnded],

  load: ({ partyId }, context) => visibleParty(partyId, context, { lock: true }),

  allow: (_actor, { role }) => hasPermission('seek', role),

  async run({ input: { positionMs }, subject: { party } }, context) {
    return viewPlayback(party, await applyPlaybackAction(party, { kind: 'seek', positionMs }, context))
  },
})
