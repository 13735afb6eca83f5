import { randomUUID } from 'node:crypto'
import { type ExtendedError, type Socket } from 'socket.io'
import { refusal } from '../../kernel/pipeline/refusals'
import { type AppContext } from '../../kernel/platform/app-context'
import { connectError } from './connect-error'
import { callerOf } from './socket-data'
import { type NodeLease } from '../presence/node-lease'

export const connectionsPerPersonMax = 10
const retryAfterSeconds = 5
/** Batch size of count reports, and the number of lease renewals in which all counts are reported again. */
const batchMax = 500
const auditParts = 20

export const tooManyConnections = refusal('too_many_connections', 429, 'Too many connections for this account')

type Middleware = (socket: Socket, next: (error?: ExtendedError) => void) => void

export interface ConnectionQuota {
  /** Refuses a socket with `too_many_connections` beyond `connectionsPerPersonMax` on all nodes. Must run after `authenticateSocket`. */
  readonly acquire: Middleware
  /** Stops counting this node's sockets, because it drains: a client opens its new connection before it closes the old one. */
  stopCounting(): void
  reportAll(): void
  audit(): void
}

/**
 * Counts the sockets of each person over all nodes in Redis. While Redis is down a node decides by its own count; counts that Redis
 * missed are reported with the next lease renewals.
 */
export function trackConnectionQuota(
  { connectionQuota, metrics }: AppContext,
  lease: Pick<NodeLease, 'nodeId'>,
): ConnectionQuota {
  const localCounts = new Map<string, number>()
  /** Requests in progress per person: Redis may have counted them or not, so no absolute count can be reported meanwhile. */
  const pendingCounts = new Map<string, number>()
  const unreported = new Set<string>()
  let isDraining = false
  let cursor: Iterator<string> = localCounts.keys()

  const add = (counts: Map<string, number>, person: string, by: 1 | -1) => {
    const count = (counts.get(person) ?? 0) + by
    if (count > 0) counts.set(person, count)
    else counts.delete(person)
    return count
  }

  async function acquire(person: string): Promise<boolean> {
    const here = add(localCounts, person, 1)
    add(pendingCounts, person, 1)
    const isGranted = await connectionQuota.acquire(person, lease.nodeId, connectionsPerPersonMax).catch(() => {
      unreported.add(person)
      return here <= connectionsPerPersonMax
    })
    add(pendingCounts, person, -1)
    if (!isGranted) add(localCounts, person, -1)
    return isGranted
  }

  function release(person: string): void {
    add(localCounts, person, -1)
    if (!isDraining) connectionQuota.release(person, lease.nodeId).catch(() => unreported.add(person))
  }

  /** Reports absolute counts; people whose report failed stay in `unreported`. */
  async function report(people: readonly string[]): Promise<void> {
    const reportable = people.filter(person => !pendingCounts.has(person))
    while (reportable.length > 0) {
      const batch = reportable.splice(0, batchMax)
      for (const person of batch) unreported.delete(person)
      const reports = batch.map(person => ({
        profileId: person,
        count: isDraining ? 0 : (localCounts.get(person) ?? 0),
      }))
      try {
        await connectionQuota.setCounts(lease.nodeId, reports)
      } catch {
        for (const person of [...batch, ...reportable.splice(0)]) unreported.add(person)
      }
    }
  }

  function nextToAudit(): string[] {
    const wanted = Math.ceil(localCounts.size / auditParts)
    const found: string[] = []
    while (found.length < wanted) {
      const next = cursor.next()
      if (next.done === true) {
        cursor = localCounts.keys()
        break
      }
      found.push(next.value)
    }
    return found
  }

  const tellAll = () => {
    for (const person of localCounts.keys()) unreported.add(person)
    void report([...unreported])
  }

  return {
    acquire(socket, next) {
      const person = callerOf(socket).actor.id
      void acquire(person).then(isGranted => {
        if (!isGranted) {
          metrics.handshakesRefused.inc({ reason: tooManyConnections.code })
          const refused = tooManyConnections(undefined, { retryAfter: retryAfterSeconds })
          next(connectError(refused, randomUUID()))
          return
        }
        // Listen to the transport: it may close before the socket is connected.
        if (socket.conn.readyState === 'open') socket.conn.on('close', () => release(person))
        else release(person)
        next()
      })
    },

    stopCounting() {
      isDraining = true
      tellAll()
    },

    reportAll: tellAll,

    audit: () => void report([...new Set([...unreported, ...nextToAudit()])]),
  }
}
