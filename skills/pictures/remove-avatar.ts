import { operation } from '../../kernel/pipeline/operation'
import { refusals } from '../../kernel/pipeline/refusals'
import { done, doneAnswer, emptyObject } from '../../kernel/pipeline/schema'
import { lockTarget } from './picture-target'
import { clearPictures } from './clear-pictures'

export const removeAvatar = operation({
  name: 'pictures.removeAvatar',
  route: 'DELETE /me/avatar',
  summary: 'Remove your avatar',
  description: 'Also removes one that is being processed.',
  auth: 'signed-in',
  input: emptyObject,
  output: done,
  limit: { perMinute: 30 },
  idempotency: 'natural',

  async load(_input, { actor }) {
    const holder = await lockTarget({ ownerId: actor.id, trackId: null })
    if (holder === undefined) throw refusals.notFound()
    return holder
  },

  allow: () => true,

  async run({ subject: holder }, context) {
    await clearPictures(holder, context)
    return doneAnswer
  },
})
