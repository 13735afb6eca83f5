/** How a socket came to leave a channel. */
export type Parting = 'left' | 'dropped'

export interface LocalMembers {
  /** For each of their sockets once. */
  enter(channel: string, member: string): void
  exit(channel: string, member: string, parting: Parting): void
  /** Who is here, by any socket or in grace. */
  of(channel: string): string[]
  channels(): string[]
  close(): void
}

interface Presence {
  sockets: number
  /** Runs while all sockets have dropped out. */
  grace?: NodeJS.Timeout
}

/**
 * Who is on which channel through this node, counted over their sockets. Whoever drops out stays for a grace, so that those
 * who reconnect do not flap. Tells `changed` when somebody's first socket here came, or their last left for good.
 */
export function countLocalMembers(
  graceMs: number,
  changed: (channel: string, member: string, isHere: boolean) => void,
): LocalMembers {
  const channels = new Map<string, Map<string, Presence>>()

  function remove(channel: string, member: string): void {
    const members = channels.get(channel)
    members?.delete(member)
    if (members?.size === 0) channels.delete(channel)
    changed(channel, member, false)
  }

  return {
    enter(channel, member) {
      const members = channels.get(channel) ?? new Map<string, Presence>()
      channels.set(channel, members)
      const known = members.get(member)
      clearTimeout(known?.grace)
      if (known === undefined) {
        members.set(member, { sockets: 1 })
        changed(channel, member, true)
      } else known.sockets += 1
    },

    exit(channel, member, parting) {
      const known = channels.get(channel)?.get(member)
      if (known === undefined || known.sockets === 0) return
      known.sockets -= 1
      if (known.sockets > 0) return
      if (parting === 'left') remove(channel, member)
      else known.grace = setTimeout(() => remove(channel, member), graceMs).unref()
    },

    of: channel => [...(channels.get(channel)?.keys() ?? [])],

    channels: () => [...channels.keys()],

    close() {
      for (const members of channels.values()) for (const { grace } of members.values()) clearTimeout(grace)
      channels.clear()
    },
  }
}
