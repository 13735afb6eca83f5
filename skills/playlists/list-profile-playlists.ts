import { Op } from 'sequelize'
import { operation } from '../../kernel/pipeline/operation'
import { toPage, pageOf, pageSize, pagingFields, parseCursor } from '../../kernel/pipeline/paging'
import { id, shape } from '../../kernel/pipeline/schema'
import { Playlist } from '../../models'
import { visibleProfile } from '../user-profile/views'
import { playlistView, viewPlaylists } from './views'

export const listProfilePlaylists = operation({
  name: 'playlists.listProfilePlaylists',
  route: 'GET /profiles/:profileId/playlists',
  summary: "List a profile's playlists",
  description: 'Newest first. The public ones; all of them if the profile is yours.',
  auth: 'public',
  input: shape({ profileId: id, ...pagingFields }),
  output: pageOf(playlistView),
  limit: { perMinute: 240 },
  idempotency: 'read',

  load: ({ profileId }, context) => visibleProfile(profileId, context),

  allow: () => true,

  async run({ input, subject: profile, actor }, context) {
    const [before] = parseCursor(input, 1) ?? []
    const playlists = await Playlist.findAll({
      where: {
        ownerId: profile.id,
        deletedAt: null,
        ...(actor?.id === profile.id ? {} : { visibility: 'public' }),
        ...(before === undefined ? {} : { id: { [Op.lt]: before } }),
      },
      order: [['id', 'desc']],
      limit: pageSize(input) + 1,
    })
    const views = await viewPlaylists(playlists, context)
    return toPage(views, pageSize(input), view => [view.id])
  },
})
