import { operation } from '../../kernel/operation'
import { pageOf, paging } from '../../kernel/paging'
import { shape } from '../../kernel/schema'
import { listPeople, profileSummary } from './views'

export const listBlocked = operation({
  name: 'user-profile.listBlocked',
  route: 'GET /me/blocked',
  summary: 'List the users you block',
  description: 'Most recently blocked first.',
  who: 'signed-in',
  input: shape({ ...paging }),
  output: pageOf(profileSummary),
  limit: { perMinute: 300 },
  idempotency: 'read',

  load: async (_input, { actor }) => ({ blockerId: actor.id }),

  allow: () => true,

  run: ({ input, subject }, { world }) =>
    listPeople(
      { from: 'blocks', who: 'blocked_id', where: 'r.blocker_id = :blockerId', names: { ...subject } },
      input,
      world,
    ),
})
