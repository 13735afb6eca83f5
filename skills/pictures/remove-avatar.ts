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
    const target = await lockTarget({ ownerId: actor.id, trackId: null })
    if (target === undefined) throw refusals.notFound()
    return target
  },

  allow: () => true,

  async run({ subject: target }, context) {
    await clearPictures(target, context)
    return doneAnswer
  },
})
