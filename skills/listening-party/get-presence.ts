import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { count, id, list, nullable, shape } from '../../kernel/schema'
import { membersShownMax } from '../../kernel/world/presence'
import { visibleParty } from './room'

export const getPresence = operation({
  name: 'listening-party.getPresence',
  route: 'GET /parties/:partyId/presence',
  summary: 'Get the presence of a party',
  description: "Who is connected and follows the party's channel. Above 200 people only their number. For members.",
  who: 'signed-in',
  input: shape({ partyId: id }),
  output: shape({ rev: count, count, members: nullable(list(id, membersShownMax)) }),
  limit: { perMinute: 120 },
  idempotency: 'read',

  load: ({ partyId }, context) => visibleParty(partyId, context),

  allow: (_actor, { role }) => role !== null,

  async run({ input: { partyId } }, { world }) {
    try {
      const { rev, count, members } = await world.presence.read(`party:${partyId}`)
      return { rev, count, members: members === null ? null : [...members] }
    } catch {
      throw refusals.unavailable(undefined, { retryAfter: 2 })
    }
  },
})
