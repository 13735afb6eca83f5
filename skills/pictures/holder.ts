import { Transaction } from 'sequelize'
import { type Context } from '../../kernel/context'
import { type Picture, Profile, type Track } from '../../models'
import { trackChanged } from '../music-upload/events'
import { isForArtistAlone } from '../streaming/rules'
import { lockTrack, viewTrack } from '../streaming/views'
import { profileChanged } from '../user-profile/events'
import { describeProfile } from '../user-profile/views'
import { type PictureRef } from './views'

/** The profile or track that shows a picture. */
export type Holder = { profile: Profile } | { track: Track }

/** Locks what a picture is for; undefined when it was deleted. Lock order: profile or track before pictures. */
export async function lockHolder({
  ownerId,
  trackId,
}: Pick<Picture, 'ownerId' | 'trackId'>): Promise<Holder | undefined> {
  if (trackId !== null) {
    const track = await lockTrack(trackId)
    return track === null || track.removedAt !== null ? undefined : { track }
  }
  const profile = await Profile.findByPk(ownerId, { lock: Transaction.LOCK.NO_KEY_UPDATE })
  return profile === null ? undefined : { profile }
}

export const shownOn = (holder: Holder): string | null =>
  'track' in holder ? holder.track.artworkId : holder.profile.avatarId

/** Sets or clears the picture of a profile or track, increments its revision, and emits the change. */
export async function show(holder: Holder, shown: PictureRef | null, { emit }: Pick<Context, 'emit'>): Promise<void> {
  const [id, color] = [shown?.id ?? null, shown?.color ?? null]
  if ('track' in holder) {
    const { track } = holder
    await track.update({ artworkId: id, artworkColor: color, rev: track.rev + 1 })
    const view = await viewTrack(track, { actor: null })
    await emit(trackChanged, isForArtistAlone(track) ? { track: view, isForArtist: true } : { track: view })
  } else {
    const { profile } = holder
    await profile.update({ avatarId: id, avatarColor: color, rev: profile.rev + 1 })
    await emit(profileChanged, { profile: describeProfile(profile) })
  }
}
