import { operation } from '../../kernel/pipeline/operation'
import { id, shape } from '../../kernel/pipeline/schema'
import { visibleParty } from './visible-party'
import { loadPartySnapshot } from './load-party-snapshot'
import { snapshotView } from './views'

export const getParty = operation({
  name: 'listening-party.getParty',
  route: 'GET /parties/:partyId',
  summary: 'Get a party',
  description: 'A snapshot of its timeline, queue and members. Follow the party channel from its position.',
  auth: 'signed-in',
  input: shape({ partyId: id }),
  output: snapshotView,
  limit: { perMinute: 120 },
  idempotency: 'read',
  snapshotChannel: ({ partyId }) => `party:${partyId}`,

  load: ({ partyId }, context) => visibleParty(partyId, context),

  allow: () => true,

  run: ({ subject: viewerParty }, context) => loadPartySnapshot(viewerParty, context),
})
