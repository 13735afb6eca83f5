import { operation } from '../../kernel/operation'
import { Page, pageFrom, pageOf, pageSize, paging, readCursor } from '../../kernel/paging'
import { literal, optional, shape } from '../../kernel/schema'
import { listedTracks } from '../streaming/views'
import { newest } from '../user-profile/views'
import { type Arrival, arrivalsOf } from './arrivals'
import { feedItem } from './views'

export const getFeed = operation({
  name: 'feed.getFeed',
  route: 'GET /feed',
  summary: 'Get your feed',
  description:
    'Tracks that you and the people you follow published, and tracks that they reposted, newest first. Each track appears once. ' +
    'With `only=published` reposts are left out.',
  who: 'signed-in',
  input: shape({ ...paging, only: optional(literal('published')) }),
  output: pageOf(feedItem),
  limit: { perMinute: 120 },
  idempotency: 'read',

  load(input, { actor, world }) {
    const after = readCursor(input, 2) ?? newest
    const options = { viewerId: actor.id, limit: pageSize(input) + 1, onlyPublished: input.only !== undefined }
    return arrivalsOf(world, { ...options, after })
  },

  allow: () => true,

  async run({ input, subject: rows }, context) {
    const page = pageFrom(rows, pageSize(input), keysOf, row => row)
    const tracks = await listedTracks(page.items.map(trackIdOf), context)
    const items = page.items.flatMap(({ trackId, at, ...rest }) => {
      const track = tracks.get(trackId)
      return track === undefined ? [] : [{ track, at: at.toISOString(), ...rest }]
    })
    return new Page(items, page.next)
  },
})

const trackIdOf = ({ trackId }: Arrival) => trackId
const keysOf = ({ at, trackId }: Arrival) => [at.toISOString(), trackId]
