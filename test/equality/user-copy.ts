import { type AnswerOf } from '../../kernel/operation'
import { type getMySnapshot } from '../../skills/notifications/get-my-snapshot'
import { type Rules } from './mirror'

export type UserCopy = AnswerOf<typeof getMySnapshot>
type Profile = UserCopy['profile']
type Notification = UserCopy['notifications'][number]
type Upload = UserCopy['uploads'][number]
type Picture = UserCopy['pictures'][number]

const notificationsMax = 30
const uploadsMax = 20
const picturesMax = 10

interface Told {
  profile: Profile
  profileId: string
  by: { id: string }
  counts: Profile['counts']
  byCounts: Profile['counts']
  unreadCount: number
  more: boolean
  notification: Notification | null
  notificationId: string
  readUntil: string
  commentId: string
  track: { id: string; title: string }
  upload: Upload
  picture: Picture
}

/** Everything is absolute: the newest revision, else the latest event. */
export const userRules: Rules<UserCopy> = {
  apply(state, { name, data }) {
    const change = changes[name]
    return change === undefined ? state : { ...state, ...change(data as Told, state) }
  },
}

const changes: Record<string, (told: Told, state: UserCopy) => Partial<UserCopy>> = {
  'user-profile.profileChanged': ({ profile }, state) => ({
    profile: { ...newer(state.profile, profile), counts: newer(state.profile.counts, profile.counts) },
  }),
  'user-profile.profileFollowed': countsAfter,
  'user-profile.profileUnfollowed': countsAfter,
  'user-profile.profileBlocked': countsAfter,

  'notifications.notificationAdded': ({ notification, ...told }, state) => ({
    ...unreadIn(told),
    notifications: notification === null ? state.notifications : withNotification(state, notification),
  }),
  'notifications.notificationWithdrawn': ({ notification, notificationId, ...told }, state) => ({
    ...unreadIn(told),
    notifications:
      notification === null
        ? state.notifications.filter(({ id }) => id !== notificationId)
        : withNotification(state, notification),
  }),
  'notifications.readMarkerMoved': ({ readUntil, ...told }, state) => ({
    ...unreadIn(told),
    notifications: state.notifications.map(one => (one.at <= readUntil ? { ...one, read: true } : one)),
  }),
  // What was read of a comment that is gone goes without a word.
  'interactions.commentRemoved': ({ commentId }, { notifications }) => ({
    notifications: notifications.filter(({ comment }) => comment?.id !== commentId),
  }),
  'music-upload.trackChanged': ({ track: { id, title } }, { notifications }) => ({
    notifications: notifications.map(one => (one.track?.id === id ? { ...one, track: { id, title } } : one)),
  }),

  'music-upload.uploadChanged': ({ upload }, { uploads }) => ({
    uploads: [...uploads.filter(({ id }) => id !== upload.id), upload]
      .sort((one, other) => (one.id > other.id ? -1 : 1))
      .slice(0, uploadsMax),
  }),
  'pictures.pictureChanged': ({ picture }, { pictures }) => ({
    pictures: [...pictures.filter(({ id }) => id !== picture.id), picture]
      .sort((one, other) => (one.createdAt + one.id > other.createdAt + other.id ? -1 : 1))
      .slice(0, picturesMax),
  }),
}

function countsAfter({ profileId, by, counts, byCounts }: Told, { profile }: UserCopy): Partial<UserCopy> {
  const mine = profile.id === by.id ? byCounts : profile.id === profileId ? counts : profile.counts
  return { profile: { ...profile, counts: newer(profile.counts, mine) } }
}

const newer = <T extends { rev: number }>(known: T, told: T): T =>
  told.rev < known.rev ? known : { ...known, ...told }

const unreadIn = ({ unreadCount, more }: Pick<Told, 'unreadCount' | 'more'>) => ({ unreadCount, more })

const withNotification = ({ notifications }: UserCopy, told: Notification): Notification[] =>
  [...notifications.filter(({ id }) => id !== told.id), told]
    .sort((one, other) => (placeOf(one) > placeOf(other) ? -1 : 1))
    .slice(0, notificationsMax)

const placeOf = ({ at, id }: Notification) => `${at} ${id}`
