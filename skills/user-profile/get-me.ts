import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { emptyObject } from '../../kernel/pipeline/schema'
import { Profile } from '../../models'
import { profileView, viewProfile } from './views'

export const getMe = operation({
  name: 'user-profile.getMe',
  route: 'GET /me',
  summary: 'Get your own profile',
  auth: 'signed-in',
  input: emptyObject,
  output: profileView,
  limit: { perMinute: 300 },
  idempotency: 'read',

  async load(_input, { actor }) {
    const profile = await Profile.findByPk(actor.id)
    if (profile === null) throw refusals.notFound()
    return profile
  },

  allow: () => true,

  run: ({ subject }, context) => viewProfile(subject, context),
})
