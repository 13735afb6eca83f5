import { operation } from '../../kernel/pipeline/operation'
import {
  toPage,
  pageOf,
  pageSize,
  pagingFields,
  parseCursor,
  firstPageCursor,
  isAfterCursor,
} from '../../kernel/pipeline/paging'
import { id, shape } from '../../kernel/pipeline/schema'
import { loadVisibleTrack } from '../tracks/views'
import { avatarRefSql } from '../pictures/views'
import { type ProfileSummary } from '../user-profile/views'
import { type CommentRow, commentView, describeComment, isActorVisible, viewComment } from './views'

export const listComments = operation({
  name: 'interactions.listComments',
  route: 'GET /tracks/:trackId/comments',
  summary: "List a track's comments",
  description:
    'Newest first. Leaves out comments by people with whom you have a block in either direction, or whom the artist blocks.',
  auth: 'public',
  input: shape({ trackId: id, ...pagingFields }),
  output: pageOf(commentView),
  limit: { perMinute: 300 },
  idempotency: 'read',

  load: ({ trackId }, context) => loadVisibleTrack(trackId, context),

  allow: () => true,

  async run({ input, subject: track, actor }, { app }) {
    const size = pageSize(input)
    const [at, id] = parseCursor(input, 2) ?? firstPageCursor
    const names = { trackId: track.id, ownerId: track.ownerId, viewer: actor?.id ?? null, at, id, count: size + 1 }
    const rows = await app.db.query<CommentRow & Omit<ProfileSummary, 'id'>>(visibleComments, names)
    return toPage(rows, size, row => [row.createdAt.toISOString(), row.id]).map(
      ({ handle, displayName, avatar, ...row }) =>
        viewComment(describeComment(row, { id: row.authorId, handle, displayName, avatar }), track, actor),
    )
  },
})

const visibleComments = `
  select c.id, c.track_id as "trackId", c.author_id as "authorId", c.body, c.position_ms as "positionMs",
    c.created_at as "createdAt", p.handle, p.display_name as "displayName",
    ${avatarRefSql('p')} as avatar
  from comments c join profiles p on p.id = c.author_id
  where c.track_id = :trackId and c.deleted_at is null and ${isActorVisible('c.author_id', ':ownerId', ':viewer')}
    and ${isAfterCursor('c.created_at', 'c.id')}
  order by c.created_at desc, c.id desc limit :count`
