import { operation } from '../../kernel/pipeline/operation'
import { pageOf, pagingFields } from '../../kernel/pipeline/paging'
import { id, shape } from '../../kernel/pipeline/schema'
import { loadVisibleTrack } from '../tracks/views'
import { listProfiles, profileSummary } from '../user-profile/views'
import { isActorVisible } from './views'

export const listLikers = operation({
  name: 'interactions.listLikers',
  route: 'GET /tracks/:trackId/likes',
  summary: 'List who likes a track',
  description:
    'Newest first. Leaves out people with whom you have a block in either direction, or whom the artist blocks.',
  auth: 'public',
  input: shape({ trackId: id, ...pagingFields }),
  output: pageOf(profileSummary),
  limit: { perMinute: 300 },
  idempotency: 'read',

  load: ({ trackId }, context) => loadVisibleTrack(trackId, context),

  allow: () => true,

  run: ({ input, subject: { id: trackId, ownerId }, actor }, { app }) =>
    listProfiles(
      {
        from: 'likes',
        profileColumn: 'profile_id',
        where: `r.track_id = :trackId and ${isActorVisible('p.id', ':ownerId', ':viewer')}`,
        params: { trackId, ownerId, viewer: actor?.id ?? null },
      },
      input,
      app,
    ),
})
