import { emptyObject } from '../../kernel/pipeline/schema'
import { signal } from '../../kernel/events/signal'

export const typing = signal({
  name: 'interactions.typing',
  summary: 'Somebody is typing a comment',
  channelKind: 'track',
  data: emptyObject,
})
