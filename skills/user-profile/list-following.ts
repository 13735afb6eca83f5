import { operation } from '../../kernel/operation'
import { pageOf, paging } from '../../kernel/paging'
import { id, shape } from '../../kernel/schema'
import { blockBetween, listPeople, profileSummary, visibleProfile } from './views'

export const listFollowing = operation({
  name: 'user-profile.listFollowing',
  route: 'GET /profiles/:profileId/following',
  summary: 'Whom somebody follows, the latest first; without people who block you or whom you block.',
  who: 'anyone',
  input: shape({ profileId: id, ...paging }),
  output: pageOf(profileSummary),
  limit: { perMinute: 300 },
  idempotency: 'read',

  load: ({ profileId }, context) => visibleProfile(profileId, context),

  allow: () => true,

  run: ({ input, subject: { id: of }, actor }, { world }) =>
    listPeople(
      {
        from: 'follows',
        who: 'followee_id',
        where: `r.follower_id = :of and not ${blockBetween('p.id', ':viewer')}`,
        names: { of, viewer: actor?.id ?? null },
      },
      input,
      world,
    ),
})
