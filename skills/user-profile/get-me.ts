import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { nothing } from '../../kernel/schema'
import { Profile } from '../../models'
import { profileView, viewProfile } from './views'

export const getMe = operation({
  name: 'user-profile.getMe',
  route: 'GET /me',
  summary: 'Get your own profile',
  who: 'signed-in',
  input: nothing,
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
