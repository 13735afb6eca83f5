import { operation } from '../../kernel/pipeline/operation'
import { pageOf, pagingFields } from '../../kernel/pipeline/paging'
import { id, shape } from '../../kernel/pipeline/schema'
import { blockBetween, listProfiles, profileSummary, visibleProfile } from './views'

export const listFollowers = operation({
  name: 'user-profile.listFollowers',
  route: 'GET /profiles/:profileId/followers',
  summary: "List a profile's followers",
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
        profileColumn: 'follower_id',
        where: `r.followee_id = :profileId and not ${blockBetween('p.id', ':viewer')}`,
        params: { profileId, viewer: actor?.id ?? null },
      },
      input,
      app,
    ),
})
