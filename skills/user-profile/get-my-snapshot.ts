import { operation } from '../../kernel/pipeline/operation'
import { firstPageCursor } from '../../kernel/pipeline/paging'
import { refusals } from '../../kernel/pipeline/refusals'
import { list, named, emptyObject, shape } from '../../kernel/pipeline/schema'
import { Picture, Profile, Upload } from '../../models'
import { uploadView, viewUpload } from '../music-upload/views'
import { pictureView, viewPicture } from '../pictures/views'
import { profileView, viewProfile } from './views'
import {
  countUnread,
  listVisibleNotifications,
  notificationView,
  unreadFields,
  viewNotification,
} from '../notifications/views'

const notificationsMax = 30
const uploadsMax = 20
const picturesMax = 10

const mySnapshotView = named(
  'MySnapshot',
  shape({
    profile: profileView,
    ...unreadFields,
    notifications: list(notificationView, notificationsMax),
    uploads: list(uploadView, uploadsMax),
    pictures: list(pictureView, picturesMax),
  }),
)

export const getMySnapshot = operation({
  name: 'user-profile.getMySnapshot',
  route: 'GET /me/snapshot',
  summary: 'Get the snapshot of your own channel',
  description:
    `Your profile, your newest ${notificationsMax} notifications, ${uploadsMax} uploads and ${picturesMax} pictures. Follow the channel ` +
    'from the position of the response.',
  auth: 'signed-in',
  input: emptyObject,
  output: mySnapshotView,
  limit: { perMinute: 120 },
  idempotency: 'read',
  snapshotChannel: (_input, actor) => `user:${actor.id}`,

  async load(_input, { actor }) {
    const profile = await Profile.findByPk(actor.id)
    if (profile === null) throw refusals.notFound()
    return profile
  },

  allow: () => true,

  async run({ subject: profile, actor }, context) {
    const { app } = context
    const rows = await listVisibleNotifications(app, {
      recipientId: actor.id,
      after: firstPageCursor,
      limit: notificationsMax,
    })
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
      ...(await countUnread(app, [actor.id]))(actor.id),
      notifications: rows.map(viewNotification),
      uploads: uploads.map(viewUpload),
      pictures: pictures.map(viewPicture),
    }
  },
})
