import { Op } from 'sequelize'
import { type Context } from '../../kernel/pipeline/context'
import { operation } from '../../kernel/pipeline/operation'
import { toPage, pageOf, pageSize, pagingFields, parseCursor } from '../../kernel/pipeline/paging'
import { id, shape } from '../../kernel/pipeline/schema'
import { Follow, Track } from '../../models'
import { visibleProfile } from '../user-profile/views'
import { trackView, viewTracks } from './views'

export const listProfileTracks = operation({
  name: 'tracks.listProfileTracks',
  route: 'GET /profiles/:profileId/tracks',
  summary: 'List a profile’s tracks',
  description:
    'Newest first. Includes followers-only tracks for followers, and for the owner all tracks, also those being ' +
    'processed.',
  auth: 'public',
  input: shape({ profileId: id, ...pagingFields }),
  output: pageOf(trackView),
  limit: { perMinute: 240 },
  idempotency: 'read',

  async load(input, context) {
    const cursor = parseCursor(input, 2)
    await visibleProfile(input.profileId, context)
    return { cursor, isFollower: await isFollower(input.profileId, context) }
  },

  allow: () => true,

  async run({ input, subject: { cursor, isFollower }, actor }, context) {
    const { profileId: ownerId } = input
    const shared = isFollower ? ['public', 'followers'] : 'public'
    const listed = actor?.id === ownerId ? {} : { visibility: shared, state: 'ready' }
    const rows = await Track.findAll({
      where: { ownerId, deletedAt: null, ...listed, ...after(cursor) },
      order: [
        ['createdAt', 'DESC'],
        ['id', 'DESC'],
      ],
      limit: pageSize(input) + 1,
    })
    const views = await viewTracks(rows, context)
    return toPage(views, pageSize(input), ({ createdAt, id }) => [createdAt, id])
  },
})

const isFollower = async (followeeId: string, { actor }: Pick<Context, 'actor'>): Promise<boolean> =>
  actor !== null && (await Follow.count({ where: { followerId: actor.id, followeeId } })) > 0

function after(cursor: (string | number)[] | undefined) {
  if (cursor === undefined) return {}
  const [createdAt, id] = cursor
  return { [Op.or]: [{ createdAt: { [Op.lt]: createdAt } }, { createdAt, id: { [Op.lt]: id } }] }
}
