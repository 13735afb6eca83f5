import { type Context } from '../../kernel/context'
import { type Play } from '../../models'
import { type Listener } from './listener'
import { networkPlaysPerDayMax, networkTrackPlaysPerDayMax } from './rules'

const keptMs = 48 * 60 * 60_000

/** Whether a network has had its plays of the day, of this track or altogether; if not, this is one of them. */
export async function isNetworkFull({ trackId }: Play, { network }: Listener, context: Context): Promise<boolean> {
  if (network === null) return false
  return (
    !(await isWithin(`${network} ${trackId}`, networkTrackPlaysPerDayMax, context)) ||
    !(await isWithin(network, networkPlaysPerDayMax, context))
  )
}

async function isWithin(name: string, max: number, { now, world }: Context): Promise<boolean> {
  const forgetAt = new Date(now.getTime() + keptMs)
  return (await world.db.query(add, { name, max, forgetAt })).length > 0
}

/** The name is of a day: no row is ever begun anew. Locked last of all, as many listeners share it. */
const add = `
  insert into counted_networks as kept (name, plays, forget_at) values (:name, 1, :forgetAt)
  on conflict (name) do update set plays = kept.plays + 1 where kept.plays < :max
  returning 1`
