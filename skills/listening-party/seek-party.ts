import { operation } from '../../kernel/operation'
import { id, shape, whole } from '../../kernel/schema'
import { direct } from './direct'
import { nothingOn, partyOver } from './refusals'
import { visibleParty } from './room'
import { mayInParty } from './rules'
import { momentView, viewMoment } from './views'

const positionMsMax = 86_400_000

export const seekParty = operation({
  name: 'listening-party.seekParty',
  route: 'POST /parties/:partyId/seek',
  summary: 'Seek in the current track of a party',
  description: 'A position beyond the end is the end.',
  who: 'signed-in',
  input: shape({ partyId: id, positionMs: whole(0, positionMsMax) }),
  output: momentView,
  limit: { perMinute: 120 },
  idempotency: 'keyed',
  refuses: [nothingOn, partyOver],

  load: ({ partyId }, context) => visibleParty(partyId, context, { lock: true }),

  allow: (_actor, { role }) => mayInParty('seek', role),

  async run({ input: { positionMs }, subject: { party } }, context) {
    return viewMoment(party, await direct(party, { kind: 'seek', positionMs }, context))
  },
})
