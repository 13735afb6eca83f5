import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { done, id, isDone, shape } from '../../kernel/schema'
import { lockHolder } from './holder'
import { takeDown } from './take-down'

export const clearAvatar = operation({
  name: 'pictures.clearAvatar',
  route: 'DELETE /profiles/:profileId/avatar',
  summary: 'Remove a profile’s avatar',
  description: 'Also removes an avatar that is being processed. For moderators.',
  who: 'moderators',
  input: shape({ profileId: id }),
  output: done,
  limit: { perMinute: 60 },
  idempotency: 'natural',

  async load({ profileId }) {
    const holder = await lockHolder({ ownerId: profileId, trackId: null })
    if (holder === undefined) throw refusals.notFound()
    return holder
  },

  allow: () => true,

  async run({ subject: holder }, context) {
    await takeDown(holder, context)
    return isDone
  },
})
