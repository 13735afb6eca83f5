import { createHmac } from 'node:crypto'
import { type Context } from '../../kernel/context'
import { networkOf } from '../../kernel/network'

const dayMs = 24 * 60 * 60_000

export interface Listener {
  /** The same on all their devices. */
  name: string
  /** All that they may be known by from what happened lately: whoever shares one with them is them. */
  names: readonly string[]
  /** Where they come from, on this day; null for whoever is signed in. */
  network: string | null
}

/**
 * Who listens. Without a profile it is the network that the call comes from and what its program says it is, by a salt of
 * the day that nobody keeps: after that nobody can tell who it was. A listener of today answers to yesterday's name too, so
 * that midnight (UTC) makes nobody another one: two moments within a day of each other have a name in common.
 */
export async function listenerOf(context: Context): Promise<Listener> {
  const { actor, address, agent } = context
  if (actor !== null) return { name: actor.id, names: [actor.id], network: null }
  const network = wide(address ?? '')
  const [today, yesterday] = await saltsOf(context)
  const nameBy = (salt: string) => `anonymous:${hashed(salt, `${network}\n${agent ?? ''}`)}`
  const name = nameBy(today)
  const names = yesterday === undefined ? [name] : [name, nameBy(yesterday)]
  return { name, names, network: `network:${hashed(today, network)}` }
}

const hashed = (salt: string, text: string) => createHmac('sha256', salt).update(text).digest('base64url')

/** Of IPv4 the last number is one customer among many, or the same one tomorrow. */
function wide(address: string): string {
  const network = networkOf(address)
  return network.includes('.') ? network.split('.').slice(0, 3).join('.') : network
}

/** Yesterday's is missing when nobody came by, or before the first day. */
async function saltsOf(context: Context): Promise<readonly [today: string, yesterday: string | undefined]> {
  const { now, world } = context
  const day = dayOf(now.getTime())
  const rows = await world.db.query<{ day: string; salt: string }>(kept, { day, before: dayOf(now.getTime() - dayMs) })
  const [today] = rows.filter(row => row.day === day)
  if (today === undefined) {
    await world.db.query(make, { day })
    return saltsOf(context)
  }
  const [yesterday] = rows.filter(row => row.day !== day)
  return [today.salt, yesterday?.salt]
}

const dayOf = (instant: number) => new Date(instant).toISOString().slice(0, 10)

const kept = `
  select cast(day as text) as day, salt from listener_salts where day in (cast(:day as date), cast(:before as date))`

const make = 'insert into listener_salts (day) values (cast(:day as date)) on conflict do nothing returning 1'
