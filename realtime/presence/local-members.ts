/** Why a socket left a channel: unfollowed or closed by the client (`left`), or lost (`dropped`). */
export type LeaveReason = 'left' | 'dropped'

export interface LocalMembers {
  /** Call once per socket of the member. */
  join(channel: string, member: string): void
  leave(channel: string, member: string, parting: LeaveReason): void
  /** Members with a socket here, or within the grace period. */
  membersOf(channel: string): string[]
  channels(): string[]
  close(): void
}

interface LocalMember {
  sockets: number
  /** Pending while all sockets of the member have dropped. */
  grace?: NodeJS.Timeout
}

/**
 * Counts the members of each channel on this node over their sockets. A member whose connection dropped stays for a grace period, so
 * that a reconnect does not show as leaving and joining. Calls `changed` for the first socket of a member and after the last one.
 */
export function trackLocalMembers(
  graceMs: number,
  changed: (channel: string, member: string, isHere: boolean) => void,
): LocalMembers {
  const channels = new Map<string, Map<string, LocalMember>>()

  function remove(channel: string, member: string): void {
    const members = channels.get(channel)
    members?.delete(member)
    if (members?.size === 0) channels.delete(channel)
    changed(channel, member, false)
  }

  return {
    join(channel, member) {
      const members = channels.get(channel) ?? new Map<string, LocalMember>()
      channels.set(channel, members)
      const known = members.get(member)
      clearTimeout(known?.grace)
      if (known === undefined) {
        members.set(member, { sockets: 1 })
        changed(channel, member, true)
      } else known.sockets += 1
    },

    leave(channel, member, parting) {
      const known = channels.get(channel)?.get(member)
      if (known === undefined || known.sockets === 0) return
      known.sockets -= 1
      if (known.sockets > 0) return
      if (parting === 'left') remove(channel, member)
      else known.grace = setTimeout(() => remove(channel, member), graceMs).unref()
    },

    membersOf: channel => [...(channels.get(channel)?.keys() ?? [])],

    channels: () => [...channels.keys()],

    close() {
      for (const members of channels.values()) for (const { grace } of members.values()) clearTimeout(grace)
      channels.clear()
    },
  }
}
