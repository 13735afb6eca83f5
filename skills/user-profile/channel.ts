import { channel } from '../../kernel/event'

/** What concerns one person: nobody else may listen. */
export const userChannel = channel({
  kind: 'user',
  summary: 'your own: what others did with what is yours, and what you did on other devices',
  byNameAlone: true,
  load: async id => ({ id }),
  allow: (actor, { id }) => actor.id === id,
})
