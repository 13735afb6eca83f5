import { type AnswerOf } from '../../kernel/pipeline/operation'
import { type getMySnapshot } from '../../skills/user-profile/get-my-snapshot'
import { type ReplicaRules } from './replica'

export type UserReplica = AnswerOf<typeof getMySnapshot>
type Profile = UserReplica['profile']
type Notification = UserReplica['notifications'][number]
type Upload = UserReplica['uploads'][number]
type Picture = UserReplica['pictures'][number]

const notificationsMax = 30
const uploadsMax = 20
const picturesMax = 10

interface Payload {
  profile: Profile
  profileId: string
  actor: { id: string }
  counts: Profile['counts']
  actorCounts: Profile['counts']
  unreadCount: number
  hasMoreUnread: boolean
  notification: Notification | null
  notificationId: string
  readUntil: string
  commentId: string
  track: { id: string; title: string }
  upload: Upload
  picture: Picture
}

/** All values are absolute: the highest revision wins, else the latest event. */
export const userRules: ReplicaRules<UserReplica> = {
  apply(state, { name, data }) {
    const change = changes[name]
    return change === undefined ? state : { ...state, ...change(data as Payload, state) }
  },
}

const changes: Record<string, (payload: Payload, state: UserReplica) => Partial<UserReplica>> = {
  'user-profile.profileChanged': ({ profile }, state) => ({
    profile: { ...newer(state.profile, profile), counts: newer(state.profile.counts, profile.counts) },
  }),
  'user-profile.profileFollowed': countsAfter,
  'user-profile.profileUnfollowed': countsAfter,
  'user-profile.profileBlocked': countsAfter,

  'notifications.notificationAdded': ({ notification, ...payload }, state) => ({
    ...unreadIn(payload),
    notifications: notification === null ? state.notifications : withNotification(state, notification),
  }),
  'notifications.notificationWithdrawn': ({ notification, notificationId, ...payload }, state) => ({
    ...unreadIn(payload),
    notifications:
      notification === null
        ? state.notifications.filter(({ id }) => id !== notificationId)
        : withNotification(state, notification),
  }),
  'notifications.readMarkerMoved': ({ readUntil, ...payload }, state) => ({
    ...unreadIn(payload),
    notifications: state.notifications.map(one => (one.at <= readUntil ? { ...one, read: true } : one)),
  }),
  // A read notification of a deleted comment is removed without an event of its own.
  'interactions.commentDeleted': ({ commentId }, { notifications }) => ({
    notifications: notifications.filter(({ comment }) => comment?.id !== commentId),
  }),
  'tracks.trackChanged': ({ track: { id, title } }, { notifications }) => ({
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

function countsAfter(
  { profileId, actor, counts, actorCounts }: Payload,
  { profile }: UserReplica,
): Partial<UserReplica> {
  const ownCounts = profile.id === actor.id ? actorCounts : profile.id === profileId ? counts : profile.counts
  return { profile: { ...profile, counts: newer(profile.counts, ownCounts) } }
}

const newer = <T extends { rev: number }>(known: T, payload: T): T =>
  payload.rev < known.rev ? known : { ...known, ...payload }

const unreadIn = ({ unreadCount, hasMoreUnread }: Pick<Payload, 'unreadCount' | 'hasMoreUnread'>) => ({
  unreadCount,
  hasMoreUnread,
})

const withNotification = ({ notifications }: UserReplica, payload: Notification): Notification[] =>
  [...notifications.filter(({ id }) => id !== payload.id), payload]
    .sort((one, other) => (sortKey(one) > sortKey(other) ? -1 : 1))
    .slice(0, notificationsMax)

const sortKey = ({ at, id }: Notification) => `${at} ${id}`
