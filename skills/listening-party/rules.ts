import { type Actor, isModerator } from '../../kernel/pipeline/actor'
import { type Party, type PartyMember } from '../../models'

export const partyRoles = ['host', 'co-host', 'dj', 'listener'] as const
export type PartyRole = (typeof partyRoles)[number]
export type PartyPermission =
  'play' | 'pause' | 'seek' | 'skip' | 'queue' | 'remove-from-queue' | 'set-role' | 'kick' | 'end'
type Scope = 'any' | 'own' | 'none'

/** The permission table. `own`: only items that the member queued. */
export const permissions: Record<PartyPermission, Record<PartyRole, Scope>> = {
  play: { host: 'any', 'co-host': 'any', dj: 'none', listener: 'none' },
  pause: { host: 'any', 'co-host': 'any', dj: 'none', listener: 'none' },
  seek: { host: 'any', 'co-host': 'any', dj: 'none', listener: 'none' },
  skip: { host: 'any', 'co-host': 'any', dj: 'own', listener: 'none' },
  queue: { host: 'any', 'co-host': 'any', dj: 'any', listener: 'none' },
  'remove-from-queue': { host: 'any', 'co-host': 'any', dj: 'own', listener: 'own' },
  'set-role': { host: 'any', 'co-host': 'any', dj: 'none', listener: 'none' },
  kick: { host: 'any', 'co-host': 'any', dj: 'none', listener: 'none' },
  end: { host: 'any', 'co-host': 'none', dj: 'none', listener: 'none' },
}

/** The host is `party.hostId`; the role in the member row applies to everybody else. */
export const roleOf = ({ hostId }: Party, { profileId, role }: PartyMember): PartyRole =>
  profileId === hostId ? 'host' : role

/** Whether the role has the permission; null is a non-member. */
export function hasPermission(permission: PartyPermission, role: PartyRole | null, isOwn = false): boolean {
  if (role === null) return false
  const scope = permissions[permission][role]
  return scope === 'any' || (scope === 'own' && isOwn)
}

/** A host assigns any role, including host; others assign roles below their own to members below them. */
export function mayAssign(role: PartyRole | null, target: PartyRole, newRole: PartyRole): boolean {
  if (role === null || !hasPermission('set-role', role)) return false
  return role === 'host' || target === newRole || (isAbove(role, target) && isAbove(role, newRole))
}

/** `target` is null for a non-member, who can be banned too. */
export const mayKick = (role: PartyRole | null, target: PartyRole | null): boolean =>
  role !== null && hasPermission('kick', role) && (target === null || isAbove(role, target))

const isAbove = (role: PartyRole, other: PartyRole) => partyRoles.indexOf(role) < partyRoles.indexOf(other)

/** Everybody may see a party except people whom the host blocks and people who are banned; moderators always may. */
export const maySeeParty = (viewer: Actor, exclusions: { isBanned: boolean; isBlockedByHost: boolean }): boolean =>
  isModerator(viewer) || !(exclusions.isBanned || exclusions.isBlockedByHost)
