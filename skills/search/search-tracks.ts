import { operation } from '../../kernel/operation'
import { pageOf, paging } from '../../kernel/paging'
import { line, shape } from '../../kernel/schema'
import { isTrackListed, listedTracks, trackView } from '../streaming/views'
import { lookUp } from './look-up'
import { bestOf, matches, noBlockWith, scoreOf } from './match'

export const searchTracks = operation({
  name: 'search.searchTracks',
  route: 'GET /search/tracks',
  summary: 'Search tracks',
  description: 'Matches titles and genres of public tracks, best match first.',
  who: 'anyone',
  input: shape({ q: line(100), ...paging }),
  output: pageOf(trackView),
  limit: { perMinute: 120 },
  idempotency: 'read',

  load: async () => null,

  allow: () => true,

  run: ({ input }, context) => lookUp(statement, input, context, ids => listedTracks(ids, context)),
})

const statement = {
  name: 'search-tracks',
  text: bestOf(`
    select id, greatest(${scoreOf('title')}, case when lower(genre) = lower($1) then 1000 else 0 end) as score
    from tracks
    where ${isTrackListed('tracks')}
      and (${matches('title')} or lower(genre) = lower($1)) and ${noBlockWith('owner_id')}`),
}
