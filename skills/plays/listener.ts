import { createHmac } from 'node:crypto'
import { type Context } from '../../kernel/context'
import { networkOf } from '../../kernel/network'

/**
 * Who listens, the same on all their devices. Without a profile it is the network that the call comes from, by a salt of the
 * day that nobody keeps: after that nobody can tell who it was.
 */
export async function listenerOf({ actor, address, now, world }: Context): Promise<string> {
  if (actor !== null) return actor.id
  const day = now.toISOString().slice(0, 10)
  await world.db.query(
    'insert into listener_salts (day) values (cast(:day as date)) on conflict do nothing returning 1',
    {
      day,
    },
  )
  const [kept] = await world.db.query<{ salt: string }>(
    'select salt from listener_salts where day = cast(:day as date)',
    { day },
  )
  const network = networkOf(address ?? '')
  // Of IPv4 the last number is one customer among many, or the same one tomorrow.
  const wide = network.includes('.') ? network.split('.').slice(0, 3).join('.') : network
  return `anonymous:${createHmac('sha256', kept?.salt ?? '')
    .update(wide)
    .digest('base64url')}`
}
