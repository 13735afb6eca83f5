import { operation } from '../../kernel/pipeline/operation'
import { pageOf, pagingFields } from '../../kernel/pipeline/paging'
import { id, shape } from '../../kernel/pipeline/schema'
import { blockBetween, listProfiles, profileSummary, visibleProfile } from './views'

export const listFollowing = operation({
  name: 'user-profile.listFollowing',
  route: 'GET /profiles/:profileId/following',
  summary: 'List whom a profile follows',
  description: 'Most recent first. Leaves out people with whom you have a block in either direction.',
  auth: 'public',
  input: shape({ profileId: id, ...pagingFields }),
  output: pageOf(profileSummary),
  limit: { perMinute: 300 },
  idempotency: 'read',

  load: ({ profileId }, context) => visibleProfile(profileId, context),

  allow: () => true,

  run: ({ input, subject: { id: profileId }, actor }, { app }) =>
    listProfiles(
      {
        from: 'follows',
        profileColumn: 'followee_id',
        where: `r.follower_id = :profileId and not ${blockBetween('p.id', ':viewer')}`,
        params: { profileId, viewer: actor?.id ?? null },
      },
      input,
      app,
    ),
})
