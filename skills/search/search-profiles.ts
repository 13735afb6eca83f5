import { operation } from '../../kernel/operation'
import { pageOf, paging } from '../../kernel/paging'
import { line, shape } from '../../kernel/schema'
import { profileSummaries, profileSummary } from '../user-profile/views'
import { lookUp } from './look-up'
import { bestOf, matches, noBlockWith, scoreOf } from './match'

export const searchProfiles = operation({
  name: 'search.searchProfiles',
  route: 'GET /search/profiles',
  summary: 'Search profiles',
  description: 'Matches handles and display names, best match first. A leading @ is ignored.',
  who: 'anyone',
  input: shape({ q: line(100), ...paging }),
  output: pageOf(profileSummary),
  limit: { perMinute: 120 },
  idempotency: 'read',

  load: async () => null,

  allow: () => true,

  run: ({ input }, context) =>
    lookUp(statement, { ...input, q: input.q.replace(/^@(?=\w)/, '') }, context, profileSummaries),
})

const statement = {
  name: 'search-profiles',
  text: bestOf(`
    select id, greatest(${scoreOf('handle')}, ${scoreOf('display_name')}) as score
    from profiles
    where (${matches('handle')} or ${matches('display_name')}) and ${noBlockWith('profiles.id')}`),
}
