import { type ClientBase } from 'pg'
import { type Product } from '../kernel/product'
import { type World } from '../kernel/world'

const batchMax = 500
/** A node that was away for longer has lost its place: whoever is connected to it must come again. */
const keptMinutes = 5

/**
 * Gives the announced events that have no place yet the next places of the one order; says how many. Only one session at
 * a time may do so, else a reader could pass a place that is not there yet.
 */
export async function placeEvents(world: World, product: Product, seat: ClientBase): Promise<number> {
  const { rows } = await seat.query<{ seq: string; name: string; data: unknown }>({
    name: 'pending-events',
    text: 'select seq, name, data from pending_events order by seq limit $1',
    values: [batchMax],
  })
  if (rows.length === 0) return 0
  // Once more after the commit's own try: the process may have died between the two. Before anybody is told, who may ask.
  await world.cache.drop(rows.flatMap(({ name, data }) => staleBy(product, name, data)))
  await seat.query({ name: 'place-events', text: place, values: [rows.map(({ seq }) => seq)] })
  return rows.length
}

/** Forgets what all nodes have long delivered; the last place stays, so that the next one follows it. */
export async function forgetDelivered(seat: ClientBase): Promise<void> {
  await seat.query(
    `delete from event_log where placed_at < now() - make_interval(mins => $1)
     and position < (select max(position) from event_log)`,
    [keptMinutes],
  )
}

const place = `
  with taken as (delete from pending_events where seq = any($1) returning *),
       last as (select coalesce(max(position), 0) as position from event_log)
  insert into event_log (position, id, name, at, channels, data)
  select last.position + row_number() over (order by seq), id, name, at, channels, data from taken, last`

const staleBy = (product: Product, name: string, data: unknown): readonly string[] =>
  product.events.find(type => type.name === name)?.stale?.(data) ?? []

export interface Placed {
  position: string
  id: string
  name: string
  at: string
  channels: readonly string[]
  data: unknown
}

export async function lastPlace(seat: ClientBase): Promise<string> {
  const { rows } = await seat.query<{ position: string }>(
    'select coalesce(max(position), 0) as position from event_log',
  )
  return rows[0]?.position ?? '0'
}

export async function eventsAfter(place: string, seat: ClientBase): Promise<Placed[]> {
  const { rows } = await seat.query<Placed>({
    name: 'events-after',
    text: `select position, id, name, to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, channels, data
           from event_log where position > $1 order by position limit $2`,
    values: [place, batchMax],
  })
  return rows
}
