import { createHash, timingSafeEqual } from 'node:crypto'
import { type Context } from '../../kernel/context'
import { takeFrom } from '../../kernel/limits'
import { secretGuessesPerMinute } from './rules'

type Shower = Pick<Context, 'actor' | 'address' | 'world'>

/**
 * Whether what somebody shows is the secret of a track. It never gets into SQL, and the time it takes tells nothing of it.
 * A wrong one, or one for a track that is not there, counts as a guess.
 * @throws `too_many_requests`
 */
export async function isRight(shown: string, kept: string | null | undefined, by: Shower): Promise<boolean> {
  if (kept != null && timingSafeEqual(digest(shown), digest(kept))) return true
  await takeFrom(by.world, 'streaming.guessSecret', secretGuessesPerMinute, { ...by, address: by.address ?? '' })
  return false
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** The secret of a track, whoever asks; `held` against being reset until the end of the transaction. */
export async function secretOf(
  trackId: string,
  { world }: Pick<Context, 'world'>,
  { held = false } = {},
): Promise<string | undefined> {
  const sql = `select secret from tracks where id = :trackId ${held ? 'for share' : ''}`
  const [row] = await world.db.query<{ secret: string | null }>(sql, { trackId })
  return row?.secret ?? undefined
}
