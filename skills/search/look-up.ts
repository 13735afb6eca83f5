import { type Context } from '../../kernel/context'
import { Page, pageFrom, pageSize, type Paging, readCursor } from '../../kernel/paging'
import { type Found, wordsOf } from './match'

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
export async function lookUp<T>(
  statement: Statement,
  search: Search,
  { world, actor }: Pick<Context, 'world' | 'actor'>,
  view: (ids: string[]) => Promise<Map<string, T>>,
): Promise<Page<T>> {
  const size = pageSize(search)
  const [score, id] = readCursor(search, 2) ?? [null, null]
  const values = [...wordsOf(search.q), actor?.id ?? null, score, id, size + 1]
  const found = await world.db.read<Found>({ ...statement, values })
  const views = await view(found.slice(0, size).map(row => row.id))
  const page = pageFrom(
    found,
    size,
    row => [row.score, row.id],
    row => row.id,
  )
  return new Page(
    page.items.flatMap(foundId => views.get(foundId) ?? []),
    page.next,
  )
}
