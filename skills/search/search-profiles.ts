import { operation } from '../../kernel/pipeline/operation'
import { pageOf, pagingFields } from '../../kernel/pipeline/paging'
import { line, shape } from '../../kernel/pipeline/schema'
import { loadProfileSummaries, profileSummary } from '../user-profile/views'
import { runSearch } from './run-search'
import { bestMatches, matchesQuery, isNotBlocked, scoreOf } from './match'

export const searchProfiles = operation({
  name: 'search.searchProfiles',
  route: 'GET /search/profiles',
  summary: 'Search profiles',
  description: 'Matches handles and display names, best match first. A leading @ is ignored.',
  auth: 'public',
  input: shape({ q: line(100), ...pagingFields }),
  output: pageOf(profileSummary),
  limit: { perMinute: 120 },
  idempotency: 'read',

  load: async () => null,

  allow: () => true,

  run: ({ input }, context) =>
    runSearch(statement, { ...input, q: input.q.replace(/^@(?=\w)/, '') }, context, loadProfileSummaries),
})

const statement = {
  name: 'search-profiles',
  text: bestMatches(`
    select id, greatest(${scoreOf('handle')}, ${scoreOf('display_name')}) as score
    from profiles
    where (${matchesQuery('handle')} or ${matchesQuery('display_name')}) and ${isNotBlocked('profiles.id')}`),
}
