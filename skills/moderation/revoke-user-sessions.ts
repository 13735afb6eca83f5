import { isModerator } from '../../kernel/pipeline/actor'
import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { id, timestamp, shape } from '../../kernel/pipeline/schema'
import { Profile } from '../../models'
import { sessionsRevoked } from '../user-profile/events'

export const revokeUserSessions = operation({
  name: 'moderation.revokeUserSessions',
  route: 'POST /moderation/profiles/:profileId/sessions/revoke',
  summary: "Revoke all of a user's sessions",
  description:
    'All nodes refuse every token issued to the user until now, within seconds. A newer token is valid again: to keep the user ' +
    'out, disable the account at the auth server first.',
  auth: 'moderator',
  input: shape({ profileId: id }),
  output: shape({ profileId: id, until: timestamp }),
  limit: { perMinute: 60 },
  idempotency: 'natural',

  async load({ profileId }) {
    const profile = await Profile.findByPk(profileId, { attributes: ['id'] })
    if (profile === null) throw refusals.notFound()
    return profile
  },

  allow: actor => isModerator(actor),

  async run({ input: { profileId }, actor }, { now, app, emit }) {
    const ended = { profileId, sessionId: null, exceptSessionId: null, until: now.toISOString() }
    await app.revocations.insert(ended, actor.id)
    await emit(sessionsRevoked, ended)
    return { profileId, until: ended.until }
  },
})
