import { type Context } from '../../kernel/pipeline/context'
import { type Play } from '../../models'
import { type Listener } from './identify-listener'
import { networkPlaysPerDayMax, networkTrackPlaysPerDayMax } from './rules'

const retentionMs = 48 * 60 * 60_000

/** Whether a network has reached its daily limit, for this track or in total; if not, counts this play towards both. */
export async function exceedsNetworkLimit(
  { trackId }: Play,
  { network }: Listener,
  context: Context,
): Promise<boolean> {
  if (network === null) return false
  return (
    !(await isWithin(`${network} ${trackId}`, networkTrackPlaysPerDayMax, context)) ||
    !(await isWithin(network, networkPlaysPerDayMax, context))
  )
}

async function isWithin(networkKey: string, max: number, { now, app }: Context): Promise<boolean> {
  const expiresAt = new Date(now.getTime() + retentionMs)
  return (await app.db.query(increment, { networkKey, max, expiresAt })).length > 0
}

/** The key changes daily with the salt, so that no row is reset. Locked last, because many listeners share the row. */
const increment = `
  insert into network_play_counters as kept (network_key, plays, expires_at) values (:networkKey, 1, :expiresAt)
  on conflict (network_key) do update set plays = kept.plays + 1 where kept.plays < :max
  returning 1`
