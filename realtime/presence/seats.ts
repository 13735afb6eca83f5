import { randomUUID } from 'node:crypto'
import { type ExtendedError, type Socket } from 'socket.io'
import { refusal } from '../../kernel/refusals'
import { type World } from '../../kernel/world'
import { type Caller } from '../handshake'
import { type Lease } from './lease'

export const socketsPerPersonMax = 10
const retryAfterSeconds = 5
/** Batch size of count reports, and the number of lease renewals in which all counts are reported again. */
const batchMax = 500
const auditParts = 20

export const tooManySockets = refusal('too_many_sockets', 429, 'Too many connections for this account')

type Middleware = (socket: Socket, next: (error?: ExtendedError) => void) => void

export interface Seating {
  /** Refuses a socket with `too_many_sockets` beyond `socketsPerPersonMax` on all nodes. Must run after `admitSocket`. */
  readonly take: Middleware
  /** Stops counting this node's sockets, because it drains: a client opens its new connection before it closes the old one. */
  vacate(): void
  tellAll(): void
  audit(): void
}

/**
 * Counts the sockets of each person over all nodes in Redis. While Redis is down a node decides by its own count; counts that Redis
 * missed are reported with the next lease renewals.
 */
export function seatPeople({ seats, metrics }: World, lease: Pick<Lease, 'node'>): Seating {
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
    const isGranted = await seats.take(person, lease.node, socketsPerPersonMax).catch(() => {
      unreported.add(person)
      return here <= socketsPerPersonMax
    })
    add(pendingCounts, person, -1)
    if (!isGranted) add(localCounts, person, -1)
    return isGranted
  }

  function release(person: string): void {
    add(localCounts, person, -1)
    if (!isDraining) seats.leave(person, lease.node).catch(() => unreported.add(person))
  }

  /** Reports absolute counts; people whose report failed stay in `unreported`. */
  async function report(people: readonly string[]): Promise<void> {
    const reportable = people.filter(person => !pendingCounts.has(person))
    while (reportable.length > 0) {
      const batch = reportable.splice(0, batchMax)
      for (const person of batch) unreported.delete(person)
      const reports = batch.map(person => ({ person, count: isDraining ? 0 : (localCounts.get(person) ?? 0) }))
      try {
        await seats.state(lease.node, reports)
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
    take(socket, next) {
      const person = (socket.data as Caller).actor.id
      void acquire(person).then(isGranted => {
        if (!isGranted) {
          metrics.handshakesRefused.inc({ why: tooManySockets.code })
          next(asConnectError())
          return
        }
        // Listen to the transport: it may close before the socket is connected.
        if (socket.conn.readyState === 'open') socket.conn.on('close', () => release(person))
        else release(person)
        next()
      })
    },

    vacate() {
      isDraining = true
      tellAll()
    },

    tellAll,

    audit: () => void report([...new Set([...unreported, ...nextToAudit()])]),
  }
}

function asConnectError(): ExtendedError {
  const refused = tooManySockets(undefined, { retryAfter: retryAfterSeconds })
  const error: ExtendedError = new Error(refused.kind.title)
  error.data = refused.toProblem(randomUUID())
  return error
}
