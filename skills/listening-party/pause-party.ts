import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { direct } from './direct'
import { partyOver } from './refusals'
import { visibleParty } from './room'
import { mayInParty } from './rules'
import { momentView, viewMoment } from './views'

export const pauseParty = operation({
  name: 'listening-party.pauseParty',
  route: 'POST /parties/:partyId/pause',
  summary: 'Pause a party',
  description: 'Pauses playback for all members.',
  who: 'signed-in',
  input: shape({ partyId: id }),
  output: momentView,
  limit: { perMinute: 120 },
  idempotency: 'natural',
  refuses: [partyOver],

  load: ({ partyId }, context) => visibleParty(partyId, context, { lock: true }),

  allow: (_actor, { role }) => mayInParty('pause', role),

  async run({ subject: { party } }, context) {
    return viewMoment(party, await direct(party, { kind: 'pause' }, context))
  },
})
