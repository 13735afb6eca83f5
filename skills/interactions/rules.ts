import { type Actor, isModerator } from '../../kernel/pipeline/actor'
import { type Comment, type Track } from '../../models'

/** The author, the track's artist, and moderators. */
export const mayDeleteComment = (
  actor: Actor | null,
  { authorId }: Pick<Comment, 'authorId'>,
  { ownerId }: Pick<Track, 'ownerId'>,
): boolean => actor?.id === authorId || actor?.id === ownerId || isModerator(actor)
