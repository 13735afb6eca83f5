import { operation } from '../../kernel/pipeline/operation'
import { pageOf, pagingFields } from '../../kernel/pipeline/paging'
import { shape } from '../../kernel/pipeline/schema'
import { listProfiles, profileSummary } from './views'

export const listBlockedProfiles = operation({
  name: 'user-profile.listBlockedProfiles',
  route: 'GET /me/blocked',
  summary: 'List the users you block',
  description: 'Most recently blocked first.',
  auth: 'signed-in',
  input: shape({ ...pagingFields }),
  output: pageOf(profileSummary),
  limit: { perMinute: 300 },
  idempotency: 'read',

  load: async (_input, { actor }) => ({ blockerId: actor.id }),

  allow: () => true,

  run: ({ input, subject }, { app }) =>
    listProfiles(
      { from: 'blocks', profileColumn: 'blocked_id', where: 'r.blocker_id = :blockerId', params: { ...subject } },
      input,
      app,
    ),
})
