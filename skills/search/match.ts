import { blockBetween } from '../user-profile/views'

/**
 * SQL: the column matches the query as a prefix, as a prefix of one of its words, or by trigram similarity to a word. Uses
 * `lower()` because the trigram indexes do. `$1`, `$2` and `$3` come from `wordsOf`.
 */
export const matchesQuery = (column: string): string =>
  `(lower(${column}) like lower($2) or lower(${column}) like lower($3) or lower($1) <% lower(${column}))`

/**
 * SQL: the rank of a match, 0 to 4000: equal, prefix, prefix of a word (shorter texts first), similarity. It depends on the
 * text alone, so that a cursor can contain it. Similarity costs 20 µs a row, so it is computed only when nothing else matches.
 */
export const scoreOf = (column: string): string =>
  `(case when lower(${column}) = lower($1) then 4000
         when lower(${column}) like lower($2) then 3000 - length(${column})
         when lower(${column}) like lower($3) then 2000 - length(${column})
         else cast(round(word_similarity(lower($1), lower(${column})) * 1000) as integer) end)`

/** SQL: there is no block, in either direction, between a profile and the viewer (`$4`, an id or null). */
export const isNotBlocked = (profileId: string): string => `not ${blockBetween(profileId, 'cast($4 as uuid)')}`

/** SQL: one page of a query that returns `id` and `score`, best first: after the cursor (`$5`, `$6`), limit `$7`. */
export const bestMatches = (query: string): string =>
  `select id, score from (${query}) as found
   where cast($5 as integer) is null or (score, id) < (cast($5 as integer), cast($6 as uuid))
   order by score desc, id desc limit $7`

export interface SearchHit {
  id: string
  score: number
}

/** The query as `$1` to `$3`: as it is, as a prefix pattern, as a word prefix pattern. Wildcards in it are escaped. */
export function queryPatterns(query: string): [string, string, string] {
  const literal = query.replace(/[\\%_]/g, '\\$&')
  return [query, `${literal}%`, `% ${literal}%`]
}
