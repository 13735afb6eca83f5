import { operation } from '../../kernel/operation'
import { id, shape } from '../../kernel/schema'
import { visibleParty } from './room'
import { snapshotOf } from './snapshot'
import { snapshotView } from './views'

export const getParty = operation({
  name: 'listening-party.getParty',
  route: 'GET /parties/:partyId',
  summary: 'Get a party',
  description: 'A snapshot of its timeline, queue and members. Follow the party channel from its position.',
  who: 'signed-in',
  input: shape({ partyId: id }),
  output: snapshotView,
  limit: { perMinute: 120 },
  idempotency: 'read',
  snapshotOf: ({ partyId }) => `party:${partyId}`,

  load: ({ partyId }, context) => visibleParty(partyId, context),

  allow: () => true,

  run: ({ subject: room }, context) => snapshotOf(room, context),
})
