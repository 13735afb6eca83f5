import { randomInt } from 'node:crypto'
import { type Identity } from '../../kernel/pipeline/actor'
import { type Context } from '../../kernel/pipeline/context'
import { newId } from '../../kernel/pipeline/new-id'
import { insertIfAbsent } from '../../kernel/platform/insert-if-absent'
import { Profile } from '../../models'
import { isHandleTaken, lockHandles } from './handles'
import { isReservedHandle } from './rules'

const handleTriesMax = 8

/**
 * The profile id of a token subject; the first call creates the profile. Concurrent first calls create one: the second insert
 * waits for the first and finds its row.
 */
export async function provisionProfile(identity: Identity, { now, app }: Context): Promise<string> {
  const { subject } = identity
  for (let tries = 0; tries < handleTriesMax; tries += 1) {
    const known = await Profile.findOne({ where: { subject }, attributes: ['id'] })
    if (known !== null) return known.id
    const id = newId(now)
    const handle = handleFor(identity, tries)
    await lockHandles([handle], app)
    if (await isHandleTaken(handle, null, { now, app })) continue
    if (await insertIfAbsent(Profile, { id, subject, handle, displayName: nameFor(identity), createdAt: now }))
      return id
  }
  throw new Error('no free handle found')
}

/** The user name or name in the token, reduced to valid characters; with random digits appended if it is taken. */
function handleFor(identity: Identity, tries: number): string {
  const name = (userName(identity) ?? identity.name ?? '').normalize('NFKC').replace(/[^A-Za-z0-9_]/g, '')
  const handle = (name.length < 3 ? `listener${name}` : name).slice(0, 20)
  return tries === 0 && !isReservedHandle(handle) ? handle : `${handle}${randomInt(10, 10 ** Math.min(3 + tries, 8))}`
}

function nameFor(identity: Identity): string {
  const name = (identity.name ?? userName(identity) ?? '').normalize('NFC').replace(/[\p{C}\s]+/gu, ' ')
  return name.trim().slice(0, 80).trim() || 'Listener'
}

/** Without a domain: some auth servers put a private e-mail address there. The subject is never shown either. */
const userName = ({ preferredUsername }: Identity) => preferredUsername?.split('@')[0]
