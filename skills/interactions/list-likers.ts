import { operation } from '../../kernel/operation'
import { pageOf, paging } from '../../kernel/paging'
import { id, shape } from '../../kernel/schema'
import { visibleTrack } from '../streaming/views'
import { listPeople, profileSummary } from '../user-profile/views'
import { isShown } from './views'

export const listLikers = operation({
  name: 'interactions.listLikers',
  route: 'GET /tracks/:trackId/likes',
  summary:
    'Who likes a track, the latest first; without people you and they have blocks between, or whom its artist blocks.',
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
