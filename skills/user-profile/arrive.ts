import { randomInt } from 'node:crypto'
import { type Identity } from '../../kernel/actor'
import { type Context } from '../../kernel/context'
import { newId } from '../../kernel/ids'
import { insertOnce } from '../../kernel/rows'
import { Profile } from '../../models'
import { isHandleTaken, lockHandles } from './handles'
import { isReservedHandle } from './rules'

const handleTriesMax = 8

/**
 * The profile id of a subject; the first call makes the profile. Two first calls at once make one: the second insert
 * waits for the first and finds it there.
 */
export async function arrive(identity: Identity, { now, world }: Context): Promise<string> {
  const { subject } = identity
  for (let tries = 0; tries < handleTriesMax; tries += 1) {
    const known = await Profile.findOne({ where: { subject }, attributes: ['id'] })
    if (known !== null) return known.id
    const id = newId(now)
    const handle = handleFor(identity, tries)
    await lockHandles([handle], world)
    if (await isHandleTaken(handle, null, { now, world })) continue
    if (await insertOnce(Profile, { id, subject, handle, displayName: nameFor(identity), createdAt: now })) return id
  }
  throw new Error('no free handle was found')
}

/** What the person calls themselves, made fit; with digits behind it when it is taken. */
function handleFor(identity: Identity, tries: number): string {
  const wished = (userName(identity) ?? identity.name ?? '').normalize('NFKC').replace(/[^A-Za-z0-9_]/g, '')
  const fit = (wished.length < 3 ? `listener${wished}` : wished).slice(0, 20)
  return tries === 0 && !isReservedHandle(fit) ? fit : `${fit}${randomInt(10, 10 ** Math.min(3 + tries, 8))}`
}

function nameFor(identity: Identity): string {
  const wished = (identity.name ?? userName(identity) ?? '').normalize('NFC').replace(/[\p{C}\s]+/gu, ' ')
  return wished.trim().slice(0, 80).trim() || 'Listener'
}

/** Some auth servers put an address of mail there, which is for nobody else to read. The subject never shows either. */
const userName = ({ preferredUsername }: Identity) => preferredUsername?.split('@')[0]
