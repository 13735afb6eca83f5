import { type Actor, isModerator } from '../../kernel/actor'
import { type Party, type PartyMember } from '../../models'

export const partyRoles = ['host', 'co-host', 'dj', 'listener'] as const
export type PartyRole = (typeof partyRoles)[number]
export type PartyAct = 'play' | 'pause' | 'seek' | 'skip' | 'queue' | 'unqueue' | 'assign' | 'remove' | 'end'
type Reach = 'any' | 'own' | 'none'

/** Who may do what: `own` is what they put into the queue themselves. */
export const permissions: Record<PartyAct, Record<PartyRole, Reach>> = {
  play: { host: 'any', 'co-host': 'any', dj: 'none', listener: 'none' },
  pause: { host: 'any', 'co-host': 'any', dj: 'none', listener: 'none' },
  seek: { host: 'any', 'co-host': 'any', dj: 'none', listener: 'none' },
  skip: { host: 'any', 'co-host': 'any', dj: 'own', listener: 'none' },
  queue: { host: 'any', 'co-host': 'any', dj: 'any', listener: 'none' },
  unqueue: { host: 'any', 'co-host': 'any', dj: 'own', listener: 'own' },
  assign: { host: 'any', 'co-host': 'any', dj: 'none', listener: 'none' },
  remove: { host: 'any', 'co-host': 'any', dj: 'none', listener: 'none' },
  end: { host: 'any', 'co-host': 'none', dj: 'none', listener: 'none' },
}

/** The host is whom the party names, whatever they are besides. */
export const roleOf = ({ hostId }: Party, { profileId, role }: PartyMember): PartyRole =>
  profileId === hostId ? 'host' : role

/** Whether someone of this role may; null is somebody who is not in the party. */
export function mayInParty(act: PartyAct, role: PartyRole | null, isOwn = false): boolean {
  if (role === null) return false
  const reach = permissions[act][role]
  return reach === 'any' || (reach === 'own' && isOwn)
}

/** A host gives any role, even their own; others only what is below them, to those below them. */
export function mayAssign(role: PartyRole | null, target: PartyRole, wanted: PartyRole): boolean {
  if (role === null || !mayInParty('assign', role)) return false
  return role === 'host' || target === wanted || (isAbove(role, target) && isAbove(role, wanted))
}

/** `target` is null for somebody who is not in the party: they may be banned all the same. */
export const mayRemove = (role: PartyRole | null, target: PartyRole | null): boolean =>
  role !== null && mayInParty('remove', role) && (target === null || isAbove(role, target))

const isAbove = (role: PartyRole, other: PartyRole) => partyRoles.indexOf(role) < partyRoles.indexOf(other)

/** Parties are open to everybody but those whom the host blocked and those who were banned. */
export const mayKnowOfParty = (viewer: Actor, facts: { isBanned: boolean; isBlockedByHost: boolean }): boolean =>
  isModerator(viewer) || !(facts.isBanned || facts.isBlockedByHost)
