import { createHash, timingSafeEqual } from 'node:crypto'
import { type Context } from '../../kernel/context'
import { takeFrom } from '../../kernel/limits'
import { secretGuessesPerMinute } from './rules'

type SecretContext = Pick<Context, 'actor' | 'address' | 'world'>

/**
 * Verifies a secret in constant time; it never enters SQL. A wrong secret, or one for a missing track, counts as a
 * guess.
 * @throws `too_many_requests`
 */
export async function isRight(given: string, stored: string | null | undefined, by: SecretContext): Promise<boolean> {
  if (stored != null && timingSafeEqual(sha256(given), sha256(stored))) return true
  await takeFrom(by.world, 'streaming.guessSecret', secretGuessesPerMinute, { ...by, address: by.address ?? '' })
  return false
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

/** The secret of a track. `held` takes a share lock, so that it is not reset before the transaction ends. */
export async function secretOf(
  trackId: string,
  { world }: Pick<Context, 'world'>,
  { held = false } = {},
): Promise<string | undefined> {
  const sql = `select secret from tracks where id = :trackId ${held ? 'for share' : ''}`
  const [row] = await world.db.query<{ secret: string | null }>(sql, { trackId })
  return row?.secret ?? undefined
}
