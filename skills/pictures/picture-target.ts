import { Transaction } from 'sequelize'
import { type Context } from '../../kernel/pipeline/context'
import { type Picture, Profile, type Track } from '../../models'
import { trackChanged } from '../tracks/events'
import { isOwnerOnly } from '../tracks/rules'
import { lockTrack, viewTrack } from '../tracks/views'
import { profileChanged } from '../user-profile/events'
import { describeProfile } from '../user-profile/views'
import { type PictureRef } from './views'

/** The profile or track that shows a picture. */
export type PictureTarget = { profile: Profile } | { track: Track }

/** Locks what a picture is for; undefined when it was deleted. Lock order: profile or track before pictures. */
export async function lockTarget({
  ownerId,
  trackId,
}: Pick<Picture, 'ownerId' | 'trackId'>): Promise<PictureTarget | undefined> {
  if (trackId !== null) {
    const track = await lockTrack(trackId)
    return track === null || track.deletedAt !== null ? undefined : { track }
  }
  const profile = await Profile.findByPk(ownerId, { lock: Transaction.LOCK.NO_KEY_UPDATE })
  return profile === null ? undefined : { profile }
}

export const shownPictureId = (target: PictureTarget): string | null =>
  'track' in target ? target.track.artworkId : target.profile.avatarId

/** Sets or clears the picture of a profile or track, increments its revision, and emits the change. */
export async function showPicture(
  target: PictureTarget,
  shown: PictureRef | null,
  { emit }: Pick<Context, 'emit'>,
): Promise<void> {
  const [id, color] = [shown?.id ?? null, shown?.color ?? null]
  if ('track' in target) {
    const { track } = target
    await track.update({ artworkId: id, artworkColor: color, rev: track.rev + 1 })
    const view = await viewTrack(track, { actor: null })
    await emit(trackChanged, isOwnerOnly(track) ? { track: view, isOwnerOnly: true } : { track: view })
  } else {
    const { profile } = target
    await profile.update({ avatarId: id, avatarColor: color, rev: profile.rev + 1 })
    await emit(profileChanged, { profile: describeProfile(profile) })
  }
}
