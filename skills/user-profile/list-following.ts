import { operation } from '../../kernel/operation'
import { pageOf, paging } from '../../kernel/paging'
import { id, shape } from '../../kernel/schema'
import { blockBetween, listPeople, profileSummary, visibleProfile } from './views'

export const listFollowing = operation({
  name: 'user-profile.listFollowing',
  route: 'GET /profiles/:profileId/following',
  summary: 'List whom a profile follows',
  description: 'Most recent first. Leaves out people with whom you have a block in either direction.',
  who: 'anyone',
  input: shape({ profileId: id, ...paging }),
  output: pageOf(profileSummary),
  limit: { perMinute: 300 },
  idempotency: 'read',

  load: ({ profileId }, context) => visibleProfile(profileId, context),

  allow: () => true,

  run: ({ input, subject: { id: profileId }, actor }, { world }) =>
    listPeople(
      {
        from: 'follows',
        who: 'followee_id',
        where: `r.follower_id = :profileId and not ${blockBetween('p.id', ':viewer')}`,
        names: { profileId, viewer: actor?.id ?? null },
      },
      input,
      world,
    ),
})
