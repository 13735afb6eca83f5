import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { direct } from './direct'
import { nothingToPlay, partyOver } from './refusals'
import { visibleParty } from './room'
import { mayInParty } from './rules'
import { momentView, viewMoment } from './views'

export const playParty = operation({
  name: 'listening-party.playParty',
  route: 'POST /parties/:partyId/play',
  summary: 'Play a party',
  description: 'Resumes playback for all members, or starts the first track of the queue.',
  who: 'signed-in',
  input: shape({ partyId: id }),
  output: momentView,
  limit: { perMinute: 120 },
  idempotency: 'natural',
  refuses: [nothingToPlay, partyOver],

  load: ({ partyId }, context) => visibleParty(partyId, context, { lock: true }),

  allow: (_actor, { role }) => mayInParty('play', role),

  async run({ subject: { party } }, context) {
    return viewMoment(party, await direct(party, { kind: 'play' }, context))
  },
})
