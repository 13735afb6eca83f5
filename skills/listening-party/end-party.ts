import { isModerator } from '../../kernel/actor'
import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { direct } from './direct'
import { partyEnded } from './events'
import { stamp, visibleParty } from './room'
import { mayInParty } from './rules'
import { momentView, viewMoment } from './views'

export const endParty = operation({
  name: 'listening-party.endParty',
  route: 'POST /parties/:partyId/end',
  summary: 'End a party',
  description: 'An ended party cannot be reopened.',
  who: 'signed-in',
  input: shape({ partyId: id }),
  output: momentView,
  limit: { perMinute: 30 },
  idempotency: 'natural',

  load: ({ partyId }, context) => visibleParty(partyId, context, { lock: true }),

  allow: (actor, { role }) => mayInParty('end', role) || isModerator(actor),

  async run({ subject: { party } }, context) {
    const { now, emit } = context
    const wasOpen = party.endedAt === null
    const state = await direct(party, { kind: 'end' }, context)
    if (wasOpen) await emit(partyEnded, { ...(await stamp(party)), endedAt: now.toISOString() })
    return viewMoment(party, state)
  },
})
