import { createHmac } from 'node:crypto'
import { type Context } from '../../kernel/pipeline/context'
import { networkPrefix } from '../../kernel/pipeline/network'

const dayMs = 24 * 60 * 60_000

export interface Listener {
  /** The current key; the same on all devices of a signed-in user. */
  key: string
  /** All keys under which recent plays may be stored; a shared key means the same listener. */
  keys: readonly string[]
  /** The network's key of the day; null for signed-in users. */
  network: string | null
}

/**
 * Identifies the listener: the profile, or for anonymous calls an HMAC of network and user agent. Its salt is deleted after a
 * day, so that nobody can be identified later. Yesterday's key is included, so that a listener stays the same across midnight
 * (UTC): two moments less than a day apart share a key.
 */
export async function identifyListener(context: Context): Promise<Listener> {
  const { actor, ipAddress, userAgent } = context
  if (actor !== null) return { key: actor.id, keys: [actor.id], network: null }
  const network = truncated(ipAddress ?? '')
  const [today, yesterday] = await loadSalts(context)
  const keyOf = (salt: string) => `anonymous:${hmac(salt, `${network}\n${userAgent ?? ''}`)}`
  const name = keyOf(today)
  const names = yesterday === undefined ? [name] : [name, keyOf(yesterday)]
  return { key: name, keys: names, network: `network:${hmac(today, network)}` }
}

const hmac = (salt: string, text: string) => createHmac('sha256', salt).update(text).digest('base64url')

/** The /24 of an IPv4 address, because providers give a customer changing addresses of one network. */
function truncated(address: string): string {
  const network = networkPrefix(address)
  return network.includes('.') ? network.split('.').slice(0, 3).join('.') : network
}

/** Today's salt, created if missing, and yesterday's, which is missing if there was no anonymous listener. */
async function loadSalts(context: Context): Promise<readonly [today: string, yesterday: string | undefined]> {
  const { now, app } = context
  const day = dayOf(now.getTime())
  const before = dayOf(now.getTime() - dayMs)
  const rows = await app.db.query<{ day: string; salt: string }>(selectSalts, { day, before })
  const [today] = rows.filter(row => row.day === day)
  if (today === undefined) {
    await app.db.query(insertSalt, { day })
    return loadSalts(context)
  }
  const [yesterday] = rows.filter(row => row.day !== day)
  return [today.salt, yesterday?.salt]
}

const dayOf = (instant: number) => new Date(instant).toISOString().slice(0, 10)

const selectSalts = `
  select cast(day as text) as day, salt from listener_salts where day in (cast(:day as date), cast(:before as date))`

const insertSalt = 'insert into listener_salts (day) values (cast(:day as date)) on conflict do nothing returning 1'
