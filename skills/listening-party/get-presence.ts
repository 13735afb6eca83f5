import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { count, id, list, nullable, shape } from '../../kernel/pipeline/schema'
import { membersListedMax } from '../../kernel/platform/presence-store'
import { visibleParty } from './visible-party'

export const getPresence = operation({
  name: 'listening-party.getPresence',
  route: 'GET /parties/:partyId/presence',
  summary: 'Get the presence of a party',
  description: "Who is connected and follows the party's channel. Above 200 people only their number. For members.",
  auth: 'signed-in',
  input: shape({ partyId: id }),
  output: shape({ rev: count, count, members: nullable(list(id, membersListedMax)) }),
  limit: { perMinute: 120 },
  idempotency: 'read',

  load: ({ partyId }, context) => visibleParty(partyId, context),

  allow: (_actor, { role }) => role !== null,

  async run({ input: { partyId } }, { app }) {
    try {
      const { rev, count, members } = await app.presence.read(`party:${partyId}`)
      return { rev, count, members: members === null ? null : [...members] }
    } catch {
      // Redis cannot be read.
      throw refusals.unavailable(undefined, { retryAfter: 2 })
    }
  },
})
