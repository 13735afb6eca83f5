import { operation } from '../../kernel/operation'
import { refusals } from '../../kernel/refusals'
import { list, named, nothing, shape } from '../../kernel/schema'
import { Picture, Profile, Upload } from '../../models'
import { uploadView, viewUpload } from '../music-upload/views'
import { pictureView, viewPicture } from '../pictures/views'
import { newest, profileView, viewProfile } from '../user-profile/views'
import { shownOf, unreadOf, viewNotification } from './shown'
import { notificationView, unread } from './views'

const notificationsMax = 30
const uploadsMax = 20
const picturesMax = 10

const mySnapshotView = named(
  'MySnapshot',
  shape({
    profile: profileView,
    ...unread,
    notifications: list(notificationView, notificationsMax),
    uploads: list(uploadView, uploadsMax),
    pictures: list(pictureView, picturesMax),
  }),
)

export const getMySnapshot = operation({
  name: 'notifications.getMySnapshot',
  route: 'GET /me/snapshot',
  summary: 'Get the snapshot of your own channel',
  description:
    `Your profile, your newest ${notificationsMax} notifications, ${uploadsMax} uploads and ${picturesMax} pictures. Follow the channel ` +
    'from the position of the response.',
  who: 'signed-in',
  input: nothing,
  output: mySnapshotView,
  limit: { perMinute: 120 },
  idempotency: 'read',
  snapshotOf: (_input, actor) => `user:${actor.id}`,

  async load(_input, { actor }) {
    const profile = await Profile.findByPk(actor.id)
    if (profile === null) throw refusals.notFound()
    return profile
  },

  allow: () => true,

  async run({ subject: profile, actor }, context) {
    const { world } = context
    const rows = await shownOf(world, { recipientId: actor.id, after: newest, limit: notificationsMax })
    const uploads = await Upload.findAll({ where: { ownerId: actor.id }, order: [['id', 'DESC']], limit: uploadsMax })
    const pictures = await Picture.findAll({
      where: { ownerId: actor.id },
      // Picture ids are random, not UUIDv7, so they do not sort by time.
      order: [
        ['createdAt', 'DESC'],
        ['id', 'DESC'],
      ],
      limit: picturesMax,
    })
    return {
      profile: await viewProfile(profile, context),
      ...(await unreadOf(world, [actor.id]))(actor.id),
      notifications: rows.map(viewNotification),
      uploads: uploads.map(viewUpload),
      pictures: pictures.map(viewPicture),
    }
  },
})
