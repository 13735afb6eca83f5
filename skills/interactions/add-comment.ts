import { Op } from 'sequelize'
import { newId } from '../../kernel/pipeline/new-id'
import { operation } from '../../kernel/pipeline/operation'
import { invalidField } from '../../kernel/pipeline/refusals'
import { count, id, shape, text } from '../../kernel/pipeline/schema'
import { Comment } from '../../models'
import { countsOf, loadVisibleTrack } from '../tracks/views'
import { loadProfileSummary } from '../user-profile/views'
import { commentAdded } from './events'
import { duplicateComment } from './refusals'
import { changeCommentCount } from './track-counter'
import { commentView, describeComment, viewComment } from './views'

/** An author cannot post the same text on the same track again within this time. */
const duplicateWindowMs = 60_000

export const addComment = operation({
  name: 'interactions.addComment',
  route: 'POST /tracks/:trackId/comments',
  summary: 'Comment on a track',
  description: 'The comment is placed at `positionMs` of the track. The same text twice within a minute is refused.',
  auth: 'signed-in',
  input: shape({ trackId: id, body: text(1000), positionMs: count }),
  output: commentView,
  limit: { perMinute: 20 },
  idempotency: 'keyed',
  status: 201,
  refuses: [duplicateComment],

  async load({ trackId, body, positionMs }, context) {
    const track = await loadVisibleTrack(trackId, context, { lock: true })
    if (positionMs > (track.durationMs ?? 0)) throw positionTooLarge(track.durationMs ?? 0)
    const createdAt = { [Op.gt]: new Date(context.now.getTime() - duplicateWindowMs) }
    const duplicates = { trackId, authorId: context.actor.id, body, createdAt, deletedAt: null }
    if ((await Comment.count({ where: duplicates })) > 0) throw duplicateComment()
    return track
  },

  allow: () => true,

  async run({ input: { body, positionMs }, subject: track, actor }, context) {
    const { now, emit } = context
    const { id: trackId, ownerId } = track
    const row = { id: newId(now), trackId, authorId: actor.id, body, positionMs, createdAt: now }
    await Comment.create(row)
    await changeCommentCount(track, 1, context)
    const comment = describeComment(row, await loadProfileSummary(actor.id))
    await emit(commentAdded, { trackId, ownerId, comment, counts: countsOf(track) })
    return viewComment(comment, track, actor)
  },
})

const positionTooLarge = (durationMs: number) =>
  invalidField('positionMs', 'too_large', `positionMs must be at most ${durationMs}`)
