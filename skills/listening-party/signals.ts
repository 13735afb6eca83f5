import { pattern, shape } from '../../kernel/schema'
import { signal } from '../../kernel/signal'

/** One emoji, including joined sequences, skin tones and flags. */
const emoji = pattern(
  /^(?:\p{Regional_Indicator}{2}|\p{Extended_Pictographic}[\p{Extended_Pictographic}\p{Emoji_Modifier}\u200d\ufe0f]*)$/u,
  32,
)

export const reacted = signal({
  name: 'listening-party.reacted',
  summary: 'A member reacted with an emoji',
  on: 'party',
  data: shape({ emoji }),
})
