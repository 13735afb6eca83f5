import { channel } from '../../kernel/event'
import { visibleParty } from './room'

export const partyChannel = channel({
  kind: 'party',
  presence: true,
  summary: 'A party that you are in',
  description: 'Its timeline, queue and members.',
  load: (id, context) => visibleParty(id, context),
  allow: (_actor, { role }) => role !== null,
})
