import { isModerator } from '../../kernel/actor'
import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { id, instant, shape } from '../../kernel/schema'
import { Profile } from '../../models'
import { sessionsEnded } from '../user-profile/events'

export const endSessionsOf = operation({
  name: 'moderation.endSessionsOf',
  route: 'POST /moderation/profiles/:profileId/sessions/end',
  summary: "Revoke all of a user's sessions",
  description:
    'All nodes refuse every token issued to the user until now, within seconds. A newer token is valid again: to keep the user ' +
    'out, disable the account at the auth server first.',
  who: 'moderators',
  input: shape({ profileId: id }),
  output: shape({ profileId: id, until: instant }),
  limit: { perMinute: 60 },
  idempotency: 'natural',

  async load({ profileId }) {
    const profile = await Profile.findByPk(profileId, { attributes: ['id'] })
    if (profile === null) throw refusals.notFound()
    return profile
  },

  allow: actor => isModerator(actor),

  async run({ input: { profileId }, actor }, { now, world, emit }) {
    const ended = { profileId, sessionId: null, exceptSessionId: null, until: now.toISOString() }
    await world.revocations.write(ended, actor.id)
    await emit(sessionsEnded, ended)
    return { profileId, until: ended.until }
  },
})
