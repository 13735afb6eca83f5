import { describeError } from '../../kernel/platform/log'
import { type AppContext } from '../../kernel/platform/app-context'
import { type NodeLease } from './node-lease'
import { type LocalMembers } from './local-members'

export interface PresenceReporter {
  /** Reports a join or leave on this node to Redis at the end of the tick, batched per channel. */
  memberChanged(channel: string, member: string, isHere: boolean): void
  /** Resolves with the revision once Redis has the changes so far; undefined when there were none or the command failed. */
  reported(channel: string): Promise<number | undefined>
  /** Reports the complete membership of this node. Never rejects. */
  reportAll(): void
  /** Reports again the channels with an uncertain report, and a part of the others, to repair any difference. */
  audit(): void
}

/** Each lease renewal reports again one in this many channels. */
export const auditParts = 10
/** Lease renewals for which a failed report is repeated: Redis may run a timed-out command late, after a newer one. */
const repeatedBeats = 3

/**
 * Reports the members of this node's channels to Redis. After a failed or timed-out report the channel is uncertain, and the node
 * reports its complete membership there, which is idempotent.
 */
export function createPresenceReporter(
  app: AppContext,
  members: LocalMembers,
  lease: () => NodeLease,
): PresenceReporter {
  const { presence } = app
  const changes = new Map<string, Map<string, boolean>>()
  const reports = new Map<string, Promise<number | undefined>>()
  const uncertain = new Map<string, number>()
  let auditPart = 0

  function send(channel: string, command: (node: string) => Promise<number | undefined>): void {
    const report = command(lease().nodeId).then(
      rev => {
        // The lease is lost: renewing it reports everything under a new node id.
        if (rev === undefined) void lease().renew()
        return rev
      },
      (error: unknown) => {
        uncertain.set(channel, repeatedBeats)
        app.log.debug({ channel, ...describeError(error) }, 'could not report presence, will retry')
        return undefined
      },
    )
    reports.set(channel, report)
    void report.finally(() => reports.get(channel) === report && reports.delete(channel))
  }

  function reportState(channel: string): void {
    changes.delete(channel)
    send(channel, node => presence.replaceMembers(channel, node, members.membersOf(channel)))
  }

  function reportChanges(): void {
    const batch = [...changes]
    changes.clear()
    for (const [channel, changed] of batch) {
      const membersWhere = (isHere: boolean) =>
        [...changed].flatMap(([member, now]) => (now === isHere ? [member] : []))
      send(channel, node => presence.applyChanges(channel, node, membersWhere(true), membersWhere(false)))
    }
  }

  return {
    memberChanged(channel, member, isHere) {
      if (changes.size === 0) setImmediate(reportChanges)
      const changed = changes.get(channel) ?? new Map<string, boolean>()
      changes.set(channel, changed.set(member, isHere))
    },

    async reported(channel) {
      if (changes.has(channel)) reportChanges()
      return reports.get(channel)
    },

    reportAll() {
      for (const channel of members.channels()) reportState(channel)
    },

    audit() {
      auditPart = (auditPart + 1) % auditParts
      const audited = members.channels().filter((_, index) => index % auditParts === auditPart)
      for (const channel of new Set([...uncertain.keys(), ...audited])) {
        const beats = (uncertain.get(channel) ?? 0) - 1
        if (beats > 0) uncertain.set(channel, beats)
        else uncertain.delete(channel)
        reportState(channel)
      }
    },
  }
}
