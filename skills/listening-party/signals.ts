import { pattern, shape } from '../../kernel/pipeline/schema'
import { signal } from '../../kernel/events/signal'

/** One emoji: also a flag, one with a skin tone, or a sequence joined by U+200D. */
const emoji = pattern(
  /^(?:\p{Regional_Indicator}{2}|\p{Extended_Pictographic}[\p{Extended_Pictographic}\p{Emoji_Modifier}\u200d\ufe0f]*)$/u,
  32,
)

export const emojiReaction = signal({
  name: 'listening-party.emojiReaction',
  summary: 'A member reacted with an emoji',
  channelKind: 'party',
  data: shape({ emoji }),
})
