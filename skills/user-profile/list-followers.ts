import { operation } from '../../kernel/operation'
import { pageOf, paging } from '../../kernel/paging'
import { id, shape } from '../../kernel/schema'
import { blockBetween, listPeople, profileSummary, visibleProfile } from './views'

export const listFollowers = operation({
  name: 'user-profile.listFollowers',
  route: 'GET /profiles/:profileId/followers',
  summary: 'Who follows somebody, the latest first; without people who block you or whom you block.',
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
        who: 'follower_id',
        where: `r.followee_id = :of and not ${blockBetween('p.id', ':viewer')}`,
        names: { of, viewer: actor?.id ?? null },
      },
      input,
      world,
    ),
})
