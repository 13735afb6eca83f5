import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { done, id, doneAnswer, shape } from '../../kernel/pipeline/schema'
import { Profile } from '../../models'
import { avatarRemoved } from './events'

export const removeAvatar = operation({
  name: 'moderation.removeAvatar',
  route: 'DELETE /profiles/:profileId/avatar',
  summary: 'Remove a profile’s avatar',
  description: 'Also removes an avatar that is being processed. For moderators.',
  auth: 'moderator',
  input: shape({ profileId: id }),
  output: done,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  async load({ profileId }) {
    const profile = await Profile.findByPk(profileId, { attributes: ['id'] })
    if (profile === null) throw refusals.notFound()
    return profile
  },

  allow: () => true,

  async run({ input: { profileId } }, { emit }) {
    await emit(avatarRemoved, { profileId })
    return doneAnswer
  },
})
