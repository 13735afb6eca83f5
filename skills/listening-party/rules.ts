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

/** The host is `party.hostId`. The role in a host's member row applies once somebody else is the host. */
export const roleOf = ({ hostId }: Party, { profileId, role }: PartyMember): PartyRole =>
  profileId === hostId ? 'host' : role

/** Whether the role has the permission; null is a non-member. */
export function hasPermission(permission: PartyPermission, role: PartyRole | null, isOwn = false): boolean {
  if (role === null) return false
  const scope = permissions[permission][role]
  return scope === 'any' || (scope === 'own' && isOwn)
}

/**
 * A host assigns any role, including host. A co-host assigns roles below co-host to members below co-host. Assigning the role
 * that the member has is always allowed to both.
 */
export function mayAssign(role: PartyRole | null, oldRole: PartyRole, newRole: PartyRole): boolean {
  if (role === null || !hasPermission('set-role', role)) return false
  return role === 'host' || oldRole === newRole || (isAbove(role, oldRole) && isAbove(role, newRole))
}

/** `targetRole` is null for a non-member, who can be banned too. */
export const mayKick = (role: PartyRole | null, targetRole: PartyRole | null): boolean =>
  role !== null && hasPermission('kick', role) && (targetRole === null || isAbove(role, targetRole))

const isAbove = (role: PartyRole, other: PartyRole) => partyRoles.indexOf(role) < partyRoles.indexOf(other)

/** Everybody may see a party except people whom the host blocks and people who are banned; moderators always may. */
export const maySeeParty = (viewer: Actor, exclusions: { isBanned: boolean; isBlockedByHost: boolean }): boolean =>
  isModerator(viewer) || !(exclusions.isBanned || exclusions.isBlockedByHost)
