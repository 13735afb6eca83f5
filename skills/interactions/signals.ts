import { nothing } from '../../kernel/schema'
import { signal } from '../../kernel/signal'

export const typing = signal({
  name: 'interactions.typing',
  summary: 'Somebody is typing a comment',
  on: 'track',
  data: nothing,
})
