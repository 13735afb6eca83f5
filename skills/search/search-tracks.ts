import { operation } from '../../kernel/pipeline/operation'
import { pageOf, pagingFields } from '../../kernel/pipeline/paging'
import { line, shape } from '../../kernel/pipeline/schema'
import { isTrackListedSql, viewListedTracks, trackView } from '../tracks/views'
import { runSearch } from './run-search'
import { bestMatches, matchesQuery, isNotBlocked, scoreOf } from './match'

export const searchTracks = operation({
  name: 'search.searchTracks',
  route: 'GET /search/tracks',
  summary: 'Search tracks',
  description: 'Matches titles and genres of public tracks, best match first.',
  auth: 'public',
  input: shape({ q: line(100), ...pagingFields }),
  output: pageOf(trackView),
  limit: { perMinute: 120 },
  idempotency: 'read',

  load: async () => null,

  allow: () => true,

  run: ({ input }, context) => runSearch(statement, input, context, ids => viewListedTracks(ids, context)),
})

const statement = {
  name: 'search-tracks',
  text: bestMatches(`
    select id, greatest(${scoreOf('title')}, case when lower(genre) = lower($1) then 1000 else 0 end) as score
    from tracks
    where ${isTrackListedSql('tracks')}
      and (${matchesQuery('title')} or lower(genre) = lower($1)) and ${isNotBlocked('owner_id')}`),
}
