import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { done, isDone, nothing } from '../../kernel/schema'
import { lockHolder } from './holder'
import { takeDown } from './take-down'

export const removeAvatar = operation({
  name: 'pictures.removeAvatar',
  route: 'DELETE /me/avatar',
  summary: 'Remove your avatar',
  description: 'Also removes one that is being processed.',
  who: 'signed-in',
  input: nothing,
  output: done,
  limit: { perMinute: 30 },
  idempotency: 'natural',

  async load(_input, { actor }) {
    const holder = await lockHolder({ ownerId: actor.id, trackId: null })
    if (holder === undefined) throw refusals.notFound()
    return holder
  },

  allow: () => true,

  async run({ subject: holder }, context) {
    await takeDown(holder, context)
    return isDone
  },
})
