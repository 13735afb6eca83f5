import { operation } from '../../kernel/operation'
import { pageOf, paging } from '../../kernel/paging'
import { id, shape } from '../../kernel/schema'
import { visibleTrack } from '../streaming/views'
import { listPeople, profileSummary } from '../user-profile/views'
import { isShown } from './views'

export const listLikers = operation({
  name: 'interactions.listLikers',
  route: 'GET /tracks/:trackId/likes',
  summary: 'List who likes a track',
  description:
    'Newest first. Leaves out people with whom you have a block in either direction, or whom the artist blocks.',
  who: 'anyone',
  input: shape({ trackId: id, ...paging }),
  output: pageOf(profileSummary),
  limit: { perMinute: 300 },
  idempotency: 'read',

  load: ({ trackId }, context) => visibleTrack(trackId, context),

  allow: () => true,

  run: ({ input, subject: { id: trackId, ownerId }, actor }, { world }) =>
    listPeople(
      {
        from: 'likes',
        who: 'profile_id',
        where: `r.track_id = :trackId and ${isShown('p.id', ':ownerId', ':viewer')}`,
        names: { trackId, ownerId, viewer: actor?.id ?? null },
      },
      input,
      world,
    ),
})
