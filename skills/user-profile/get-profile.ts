import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { pattern, shape } from '../../kernel/schema'
import { findProfile } from './find-profile'
import { hasBlocked, profileView, viewFacts } from './views'

export const getProfile = operation({
  name: 'user-profile.getProfile',
  route: 'GET /profiles/:handleOrId',
  summary: 'A profile, by its id or its handle; a handle that was given up leads to its former owner.',
  who: 'anyone',
  input: shape({ handleOrId: pattern(/^[A-Za-z0-9_-]{3,36}$/, 36) }),
  output: profileView,
  limit: { perMinute: 600 },
  idempotency: 'read',

  async load({ handleOrId }, { actor, world }) {
    const facts = await findProfile(handleOrId, world)
    if (facts === undefined || (actor !== null && (await hasBlocked(facts.id, actor.id)))) throw refusals.notFound()
    return facts
  },

  allow: () => true,

  run: ({ subject }, context) => viewFacts(subject, context),
})
