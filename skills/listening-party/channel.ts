import { channel } from '../../kernel/events/channel'
import { visibleParty } from './visible-party'

export const partyChannel = channel({
  kind: 'party',
  presence: true,
  summary: 'A party that you are in',
  description: 'Its timeline, queue and members.',
  load: (id, context) => visibleParty(id, context),
  allow: (_actor, { role }) => role !== null,
})
