import { type Context } from '../../kernel/pipeline/context'
import { type Play } from '../../models'
import { type Listener } from './identify-listener'
import { networkPlaysPerDayMax, networkTrackPlaysPerDayMax } from './rules'

const retentionMs = 48 * 60 * 60_000

/** Counts a play towards the daily limits of its network, for this track and in total; `exceeded` if one is reached. */
export async function countNetworkPlay(
  { trackId }: Play,
  { network }: Listener,
  context: Context,
): Promise<'within' | 'exceeded'> {
  if (network === null) return 'within'
  const isCounted =
    (await increment(`${network} ${trackId}`, networkTrackPlaysPerDayMax, context)) &&
    (await increment(network, networkPlaysPerDayMax, context))
  return isCounted ? 'within' : 'exceeded'
}

/** Returns false, and changes nothing, when the counter is at its maximum. */
async function increment(networkKey: string, max: number, { now, app }: Context): Promise<boolean> {
  const expiresAt = new Date(now.getTime() + retentionMs)
  return (await app.db.query(incrementSql, { networkKey, max, expiresAt })).length > 0
}

/** The key changes daily with the salt, so that no row is reset. Locked last, because many listeners share the row. */
const incrementSql = `
  insert into network_play_counters as existing (network_key, plays, expires_at) values (:networkKey, 1, :expiresAt)
  on conflict (network_key) do update set plays = existing.plays + 1 where existing.plays < :max
  returning 1`
