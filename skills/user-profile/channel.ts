import { channel } from '../../kernel/events/channel'

/** A user's private channel. */
export const userChannel = channel({
  kind: 'user',
  summary: 'Your own channel',
  description: 'Notifications, what others do with your tracks and profile, and what you do on your other devices.',
  allowedByName: true,
  load: async id => ({ id }),
  allow: (actor, { id }) => actor.id === id,
})
