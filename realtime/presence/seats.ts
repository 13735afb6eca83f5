import { randomUUID } from 'node:crypto'
import { type ExtendedError, type Socket } from 'socket.io'
import { refusal } from '../../kernel/refusals'
import { type World } from '../../kernel/world'
import { type Caller } from '../handshake'
import { type Lease } from './lease'

export const socketsPerPersonMax = 10
const retryAfterSeconds = 5
/** So many people's seats are told again in one go, and all of them in so many beats. */
const toldAtOnceMax = 500
const auditParts = 20

export const tooManySockets = refusal('too_many_sockets', 429, 'You have as many connections as you may')

type Middleware = (socket: Socket, next: (error?: ExtendedError) => void) => void

export interface Seating {
  /** Refuses a socket with `too_many_sockets` when its person has as many as they may, on all nodes. After `admitSocket`. */
  readonly take: Middleware
  /**
   * From now on the sockets here do not count, as everybody is told to move: whoever has ten opens ten others before closing
   * these.
   */
  vacate(): void
  tellAll(): void
  audit(): void
}

/**
 * Counts the sockets of each person over all nodes. Each node knows its own, and answers alone while Redis is away; what
 * Redis missed it is told with the next beats of the lease.
 */
export function seatPeople({ seats, metrics }: World, lease: Pick<Lease, 'node'>): Seating {
  const held = new Map<string, number>()
  /** While Redis is asked for a seat it may be counted there or not: nothing absolute can be said. */
  const asking = new Map<string, number>()
  const owed = new Set<string>()
  let isVacated = false
  let cursor: Iterator<string> = held.keys()

  const add = (counts: Map<string, number>, person: string, by: 1 | -1) => {
    const count = (counts.get(person) ?? 0) + by
    if (count > 0) counts.set(person, count)
    else counts.delete(person)
    return count
  }

  async function takeSeat(person: string): Promise<boolean> {
    const here = add(held, person, 1)
    add(asking, person, 1)
    const isLeft = await seats.take(person, lease.node, socketsPerPersonMax).catch(() => {
      owed.add(person)
      return here <= socketsPerPersonMax
    })
    add(asking, person, -1)
    if (!isLeft) add(held, person, -1)
    return isLeft
  }

  function leaveSeat(person: string): void {
    add(held, person, -1)
    if (!isVacated) seats.leave(person, lease.node).catch(() => owed.add(person))
  }

  /** Those whom Redis did not take stay owed. */
  async function tell(people: readonly string[]): Promise<void> {
    const settled = people.filter(person => !asking.has(person))
    while (settled.length > 0) {
      const some = settled.splice(0, toldAtOnceMax)
      for (const person of some) owed.delete(person)
      const told = some.map(person => ({ person, count: isVacated ? 0 : (held.get(person) ?? 0) }))
      try {
        await seats.state(lease.node, told)
      } catch {
        for (const person of [...some, ...settled.splice(0)]) owed.add(person)
      }
    }
  }

  function nextOnes(): string[] {
    const wanted = Math.ceil(held.size / auditParts)
    const found: string[] = []
    while (found.length < wanted) {
      const next = cursor.next()
      if (next.done === true) {
        cursor = held.keys()
        break
      }
      found.push(next.value)
    }
    return found
  }

  const tellAll = () => {
    for (const person of held.keys()) owed.add(person)
    void tell([...owed])
  }

  return {
    take(socket, next) {
      const person = (socket.data as Caller).actor.id
      void takeSeat(person).then(isLeft => {
        if (!isLeft) {
          metrics.handshakesRefused.inc({ why: tooManySockets.code })
          next(asConnectError())
          return
        }
        // The transport, not the socket: it may close before there is a socket.
        if (socket.conn.readyState === 'open') socket.conn.on('close', () => leaveSeat(person))
        else leaveSeat(person)
        next()
      })
    },

    vacate() {
      isVacated = true
      tellAll()
    },

    tellAll,

    audit: () => void tell([...new Set([...owed, ...nextOnes()])]),
  }
}

function asConnectError(): ExtendedError {
  const refused = tooManySockets(undefined, { retryAfter: retryAfterSeconds })
  const error: ExtendedError = new Error(refused.kind.title)
  error.data = refused.toProblem(randomUUID())
  return error
}
