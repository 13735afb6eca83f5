import { Transaction } from 'sequelize'
import { operation } from '../../kernel/pipeline/operation'
import { invalidField, refusals } from '../../kernel/pipeline/refusals'
import { count, line, optional, pattern, shape, text } from '../../kernel/pipeline/schema'
import { Profile } from '../../models'
import { profileChanged } from './events'
import { recordHandleChange, isHandleTaken, lockHandles } from './handles'
import { handleTaken } from './refusals'
import { isReservedHandle } from './rules'
import { describeProfile, profileView, viewProfile } from './views'

export const updateMe = operation({
  name: 'user-profile.updateMe',
  route: 'PATCH /me',
  summary: 'Update your own profile',
  description:
    'A handle that you give up stays reserved for you for 30 days and leads to your profile until somebody else takes it.',
  auth: 'signed-in',
  input: shape({
    handle: optional(pattern(/^[A-Za-z0-9_]{3,30}$/, 30)),
    displayName: optional(line(80)),
    bio: optional(text(1000, 0)),
    rev: optional(count),
  }),
  output: profileView,
  limit: { perMinute: 20 },
  idempotency: 'natural',
  refuses: [handleTaken],

  async load({ handle, rev }, context) {
    const profile = await Profile.findByPk(context.actor.id, { lock: Transaction.LOCK.NO_KEY_UPDATE })
    if (profile === null) throw refusals.notFound()
    if (rev !== undefined && rev !== profile.rev)
      throw refusals.staleRevision(undefined, { current: await viewProfile(profile, context) })
    if (handle === undefined || handle === profile.handle) return profile
    if (isReservedHandle(handle)) throw reservedHandle()
    await lockHandles([profile.handle, handle], context.app)
    if (await isHandleTaken(handle, profile.id, context)) throw handleTaken()
    return profile
  },

  allow: () => true,

  async run({ input: { handle, displayName, bio }, subject: profile }, context) {
    const { id, handle: from } = profile
    const to = handle ?? from
    profile.set({ handle: to, displayName: displayName ?? profile.displayName, bio: bio ?? profile.bio })
    if (profile.changed() !== false) {
      await profile.set({ rev: profile.rev + 1 }).save()
      if (to !== from) await recordHandleChange({ id, from, to }, context.now)
      await context.emit(profileChanged, { profile: describeProfile(profile) })
    }
    return viewProfile(profile, context)
  },
})

const reservedHandle = () => invalidField('handle', 'reserved', 'handle is reserved')
