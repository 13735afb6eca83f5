import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { emptyObject } from '../../kernel/pipeline/schema'
import { profileView, readProfileRow, viewProfile } from './views'

export const getMe = operation({
  name: 'user-profile.getMe',
  route: 'GET /me',
  summary: 'Get your own profile',
  auth: 'signed-in',
  input: emptyObject,
  output: profileView,
  limit: { perMinute: 300 },
  idempotency: 'read',

  async load(_input, { actor, app }) {
    const profile = await readProfileRow(actor.id, app)
    if (profile === undefined) throw refusals.notFound()
    return profile
  },

  allow: () => true,

  run: ({ subject }, context) => viewProfile(subject, context),
})
