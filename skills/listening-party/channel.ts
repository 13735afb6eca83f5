import { channel } from '../../kernel/event'
import { visibleParty } from './room'

export const partyChannel = channel({
  kind: 'party',
  presence: true,
  summary: 'a party you are in: its timeline, queue and members',
  load: (id, context) => visibleParty(id, context),
  allow: (_actor, { role }) => role !== null,
})
