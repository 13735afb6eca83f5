import { operation } from '../../kernel/pipeline/operation'
import { toPage, pageOf, pageSize, pagingFields, parseCursor, firstPageCursor } from '../../kernel/pipeline/paging'
import { literal, optional, shape } from '../../kernel/pipeline/schema'
import { viewListedTracks } from '../tracks/views'
import { type FeedEntry, loadFeedEntries } from './load-feed-entries'
import { feedItemView } from './views'

export const getFeed = operation({
  name: 'feed.getFeed',
  route: 'GET /feed',
  summary: 'Get your feed',
  description:
    'Tracks that you and the people you follow published, and tracks that they reposted, newest first. Each track appears once. ' +
    'With `only=published` reposts are left out.',
  auth: 'signed-in',
  input: shape({ ...pagingFields, only: optional(literal('published')) }),
  output: pageOf(feedItemView),
  limit: { perMinute: 120 },
  idempotency: 'read',

  load(input, { actor, app }) {
    const after = parseCursor(input, 2) ?? firstPageCursor
    const options = { viewerId: actor.id, limit: pageSize(input) + 1, onlyPublished: input.only !== undefined }
    return loadFeedEntries(app, { ...options, after })
  },

  allow: () => true,

  async run({ input, subject: rows }, context) {
    const page = toPage(rows, pageSize(input), keysOf)
    const tracks = await viewListedTracks(page.items.map(trackIdOf), context)
    return page.flatMap(({ trackId, at, ...rest }) => {
      const track = tracks.get(trackId)
      return track === undefined ? [] : [{ track, at: at.toISOString(), ...rest }]
    })
  },
})

const trackIdOf = ({ trackId }: FeedEntry) => trackId
const keysOf = ({ at, trackId }: FeedEntry) => [at.toISOString(), trackId]
