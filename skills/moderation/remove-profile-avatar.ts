import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { done, id, doneAnswer, shape } from '../../kernel/pipeline/schema'
import { lockTarget } from '../pictures/picture-target'
import { clearPictures } from '../pictures/clear-pictures'

export const removeProfileAvatar = operation({
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
    const holder = await lockTarget({ ownerId: profileId, trackId: null })
    if (holder === undefined) throw refusals.notFound()
    return holder
  },

  allow: () => true,

  async run({ subject: holder }, context) {
    await clearPictures(holder, context)
    return doneAnswer
  },
})
