import { createHash, timingSafeEqual } from 'node:crypto'
import { type Context } from '../../kernel/pipeline/context'
import { consumeLimit } from '../../kernel/pipeline/limits'
import { secretGuessesPerMinute } from './rules'

type SecretContext = Pick<Context, 'actor' | 'ipAddress' | 'app'>

/**
 * Verifies a secret in constant time; it never enters SQL. A wrong secret, or one for a missing track, counts as a
 * guess.
 * @throws `too_many_requests`
 */
export async function verifySecret(
  secret: string,
  stored: string | null | undefined,
  context: SecretContext,
): Promise<boolean> {
  if (stored != null && timingSafeEqual(sha256(secret), sha256(stored))) return true
  await consumeLimit(context.app, 'tracks.guessSecret', secretGuessesPerMinute, {
    ...context,
    ipAddress: context.ipAddress ?? '',
  })
  return false
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

/** The secret of a track. `lock` takes a share lock, so that it is not reset before the transaction ends. */
export async function loadSecret(
  trackId: string,
  { app }: Pick<Context, 'app'>,
  { lock = false } = {},
): Promise<string | undefined> {
  const sql = `select secret from tracks where id = :trackId ${lock ? 'for share' : ''}`
  const [row] = await app.db.query<{ secret: string | null }>(sql, { trackId })
  return row?.secret ?? undefined
}
