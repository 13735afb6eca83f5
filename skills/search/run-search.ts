import { type Context } from '../../kernel/pipeline/context'
import { toPage, pageSize, type Paging, parseCursor, type Page } from '../../kernel/pipeline/paging'
import { type SearchHit, queryPatterns } from './match'

interface Search extends Paging {
  q: string
}

interface Statement {
  name: string
  text: string
}

/**
 * Runs a statement made by `bestOf` and returns one page of views. A row that `view` leaves out, because it was hidden after
 * the search, is missing from the page; the cursor stays the same.
 */
export async function runSearch<T>(
  statement: Statement,
  search: Search,
  { app, actor }: Pick<Context, 'app' | 'actor'>,
  view: (ids: string[]) => Promise<Map<string, T>>,
): Promise<Page<T>> {
  const size = pageSize(search)
  const [score, id] = parseCursor(search, 2) ?? [null, null]
  const values = [...queryPatterns(search.q), actor?.id ?? null, score, id, size + 1]
  const found = await app.db.readCommitted<SearchHit>({ ...statement, values })
  const views = await view(found.slice(0, size).map(row => row.id))
  return toPage(found, size, row => [row.score, row.id]).flatMap(row => views.get(row.id) ?? [])
}
