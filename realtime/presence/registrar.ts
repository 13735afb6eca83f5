import { describeError } from '../../kernel/world/log'
import { type World } from '../../kernel/world'
import { type Lease } from './lease'
import { type LocalMembers } from './local-members'

export interface Registrar {
  /** Somebody came or went on this node: told at the end of the tick, with all others of the channel. */
  changed(channel: string, member: string, isHere: boolean): void
  /** Resolves once Redis has heard what was changed until now, with the revision after it; undefined when it has not. */
  told(channel: string): Promise<number | undefined>
  /** Tells all that this node has, whatever Redis thought. Never rejects. */
  tellAll(): void
  /** Tells those channels again about which there is doubt, and some others, so that whatever went wrong heals. */
  audit(): void
}

/** One in so many channels is told again with each beat of the lease. */
export const auditParts = 10
/** A command that timed out may still be done later, after one that was sent after it over a new connection. */
const doubtfulBeats = 3

/**
 * Tells Redis who is where through this node. A change that Redis did not take, or perhaps took late, leaves the channel in
 * doubt: then all that the node has there is told, which can be done at any time.
 */
export function keepRegistered(world: World, members: LocalMembers, lease: () => Lease): Registrar {
  const { presence } = world
  const changes = new Map<string, Map<string, boolean>>()
  const underWay = new Map<string, Promise<number | undefined>>()
  const inDoubt = new Map<string, number>()
  let part = 0

  function tell(channel: string, say: (node: string) => Promise<number | undefined>): void {
    const telling = say(lease().node).then(
      rev => {
        // Said under a lease that is lost. With the next one all is told anew.
        if (rev === undefined) void lease().renew()
        return rev
      },
      (error: unknown) => {
        inDoubt.set(channel, doubtfulBeats)
        world.log.debug({ channel, ...describeError(error) }, 'presence was not told')
        return undefined
      },
    )
    underWay.set(channel, telling)
    void telling.finally(() => underWay.get(channel) === telling && underWay.delete(channel))
  }

  function tellState(channel: string): void {
    changes.delete(channel)
    tell(channel, node => presence.state(channel, node, members.of(channel)))
  }

  function tellChanges(): void {
    const waiting = [...changes]
    changes.clear()
    for (const [channel, changed] of waiting) {
      const those = (isHere: boolean) => [...changed].flatMap(([member, now]) => (now === isHere ? [member] : []))
      tell(channel, node => presence.change(channel, node, those(true), those(false)))
    }
  }

  return {
    changed(channel, member, isHere) {
      if (changes.size === 0) setImmediate(tellChanges)
      const changed = changes.get(channel) ?? new Map<string, boolean>()
      changes.set(channel, changed.set(member, isHere))
    },

    async told(channel) {
      if (changes.has(channel)) tellChanges()
      return underWay.get(channel)
    },

    tellAll() {
      for (const channel of members.channels()) tellState(channel)
    },

    audit() {
      part = (part + 1) % auditParts
      const some = members.channels().filter((_, index) => index % auditParts === part)
      for (const channel of new Set([...inDoubt.keys(), ...some])) {
        const beats = (inDoubt.get(channel) ?? 0) - 1
        if (beats > 0) inDoubt.set(channel, beats)
        else inDoubt.delete(channel)
        tellState(channel)
      }
    },
  }
}
