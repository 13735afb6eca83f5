import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { pattern, shape } from '../../kernel/pipeline/schema'
import { findProfile } from './find-profile'
import { hasBlocked, profileView, viewProfileAttributes } from './views'

export const getProfile = operation({
  name: 'user-profile.getProfile',
  route: 'GET /profiles/:handleOrId',
  summary: 'Get a profile',
  description: 'By id or handle. A former handle leads to its previous owner until somebody else takes it.',
  auth: 'public',
  input: shape({ handleOrId: pattern(/^[A-Za-z0-9_-]{3,36}$/, 36) }),
  output: profileView,
  limit: { perMinute: 600 },
  idempotency: 'read',

  async load({ handleOrId }, { actor, app }) {
    const profile = await findProfile(handleOrId, app)
    if (profile === undefined || (actor !== null && (await hasBlocked(profile.id, actor.id)))) throw refusals.notFound()
    return profile
  },

  allow: () => true,

  run: ({ subject }, context) => viewProfileAttributes(subject, context),
})
