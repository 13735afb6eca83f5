import { isModerator } from '../../kernel/actor'
import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { id, instant, shape } from '../../kernel/schema'
import { Profile } from '../../models'
import { sessionsEnded } from '../user-profile/events'

export const endSessionsOf = operation({
  name: 'moderation.endSessionsOf',
  route: 'POST /moderation/profiles/:profileId/sessions/end',
  summary:
    'Sign somebody out everywhere: every token of theirs issued until now is refused within seconds, on all nodes. Who must ' +
    'not come back must lose their account at the auth server first: a newer token is good again.',
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
