import { type Context } from '../../kernel/context'
import { type Upload } from '../../models'
import { incomingKey } from './places'
import { uploadOver } from './refusals'

/** What the store calls the sending of an upload's parts, and what it called it before: the same, unless it was opened now. */
export interface OpenedParts {
  before: string | null
  multipartId: string
}

/** Asking costs 2 ms of CPU, twice what a signature does, and clients have part after part signed. */
const knownOpenMs = 10_000

/**
 * Finds the parts of an upload open in the store, or opens them: with the first part, since a file that is announced and never
 * sent shall leave nothing, and anew when the store has dropped them (a lifecycle rule, or somebody's hand). URLs for
 * parts that nobody takes are signed for some seconds at most. To be asked without a transaction.
 * @throws `upload_over` when all parts are there as one object already: a finalize that was cut short has made it.
 */
export async function openParts(
  { id, contentType, multipartId: before }: Upload,
  { world: { storage, cache } }: Pick<Context, 'world'>,
): Promise<OpenedParts> {
  const key = incomingKey(id)
  if (before !== null) {
    const ask = async () => ((await storage.takesParts(key, before)) ? true : undefined)
    if (await cache.through(`parts:${before}`, knownOpenMs, ask)) return { before, multipartId: before }
    if ((await storage.head(key)) !== undefined) throw uploadOver('All of its parts are there: finalize it.')
  }
  return { before, multipartId: await storage.openParts(key, contentType) }
}
