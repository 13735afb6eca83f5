import { blockBetween } from '../user-profile/views'

/**
 * How text is found, in SQL: at the beginning of a column, at the beginning of a word in it, or by a word that is almost
 * the same. Columns are lowered as their trigram indexes are. `$1`, `$2` and `$3` are `wordsOf`.
 */
export const matches = (column: string): string =>
  `(lower(${column}) like lower($2) or lower(${column}) like lower($3) or lower($1) <% lower(${column}))`

/**
 * How well a column fits, 0 to 4000: the same, a beginning, the beginning of a word (the shorter the text the better), a
 * likeness. It depends on the text alone, so that it can be a key of a cursor. Likeness costs 20 µs a row, all else
 * nothing: it is asked for only when nothing else fits.
 */
export const scoreOf = (column: string): string =>
  `(case when lower(${column}) = lower($1) then 4000
         when lower(${column}) like lower($2) then 3000 - length(${column})
         when lower(${column}) like lower($3) then 2000 - length(${column})
         else cast(round(word_similarity(lower($1), lower(${column})) * 1000) as integer) end)`

/** Nobody whom the viewer (`$4`, an id or null) has blocked or who has blocked the viewer. */
export const noBlockWith = (person: string): string => `not ${blockBetween(person, 'cast($4 as uuid)')}`

/** The page of a query that gives `id` and `score`: after the cursor (`$5`, `$6`), so many (`$7`), the best first. */
export const bestOf = (query: string): string =>
  `select id, score from (${query}) as found
   where cast($5 as integer) is null or (score, id) < (cast($5 as integer), cast($6 as uuid))
   order by score desc, id desc limit $7`

export interface Found {
  id: string
  score: number
}

/** What was typed: as it is, as the beginning of a text, as the beginning of a word. Nothing in it is a wildcard. */
export function wordsOf(typed: string): [string, string, string] {
  const literal = typed.replace(/[\\%_]/g, '\\$&')
  return [typed, `${literal}%`, `% ${literal}%`]
}
