import { pattern, shape } from '../../kernel/schema'
import { signal } from '../../kernel/signal'

/** One emoji, joined and coloured ones too, or a flag. */
const emoji = pattern(
  /^(?:\p{Regional_Indicator}{2}|\p{Extended_Pictographic}[\p{Extended_Pictographic}\p{Emoji_Modifier}\u200d\ufe0f]*)$/u,
  32,
)

export const reacted = signal({
  name: 'listening-party.reacted',
  summary: 'Somebody at the party reacts to what is on.',
  on: 'party',
  data: shape({ emoji }),
})
