import { refusals } from '../pipeline/refusals'
import { isRevokedBy, type Revocation, type SessionClaims } from './revocation'
import { type Clock } from './clock'
import { type Database } from './database'
import { tokenAgeMaxMs } from './tokens'

/** After this the last token that a revocation refuses has expired, with 10 minutes for clock skew. */
export const revocationTtlMs = tokenAgeMaxMs + 10 * 60_000
/** Interval of full reads, because a restored database restarts its transaction ids. */
const fullReadEveryMs = 10 * 60_000

type Listener = (revocations: readonly Revocation[]) => void

export type Revocations = ReturnType<typeof createRevocations>

/**
 * Revoked tokens that have not expired. PostgreSQL is the source of truth; every node keeps the rows of the last day in
 * memory. It learns of a new one through `add` at once, and through `check` at the latest.
 */
export function createRevocations(db: Database, clock: Clock) {
  const known = new Map<string, Revocation[]>()
  const listeners = new Set<Listener>()
  /** The xmin of the last read: all transactions below it had ended and were read. */
  let readUpTo = '0'
  let checkedAt: number | undefined
  let checking: Promise<void> | undefined
  let fullReadAt = clock.now()

  function add(revocations: readonly Revocation[]): void {
    const fresh = revocations.filter(revocation => remember(known, revocation))
    if (fresh.length > 0) for (const listener of listeners) listener(fresh)
  }

  async function read(): Promise<void> {
    const startedAt = clock.now()
    const isFullRead = startedAt - fullReadAt >= fullReadEveryMs
    const rows = await db.readCommitted<Row>({
      name: 'revocations-since',
      text: since,
      values: [isFullRead ? '0' : readUpTo],
    })
    add(rows.flatMap(({ revocation }) => revocation ?? []))
    readUpTo = rows[0]?.xmin ?? readUpTo
    checkedAt = startedAt
    if (!isFullRead) return
    fullReadAt = startedAt
    dropOlder(known, startedAt - revocationTtlMs)
  }

  const isRevoked = (session: SessionClaims): boolean =>
    known.get(session.profileId)?.some(revocation => isRevokedBy(session, revocation)) === true

  function check(): Promise<void> {
    checking ??= read().finally(() => (checking = undefined))
    return checking
  }

  return {
    /** Inserts a revocation in the current transaction. The caller must also emit an event, so that other nodes learn of it. */
    async insert({ profileId, sessionId, exceptSessionId, until }: Revocation, revokedBy: string): Promise<void> {
      await db.query(
        `insert into revocations (profile_id, session_id, except_session_id, issued_until, revoked_by)
         values (:profileId, :sessionId, :exceptSessionId, :until, :revokedBy)`,
        { profileId, sessionId, exceptSessionId, until, revokedBy },
      )
    },

    /** Number of stored revocations of a profile. */
    async count(profileId: string): Promise<number> {
      const sql = 'select count(*)::int as count from revocations where profile_id = :profileId'
      const [row] = await db.query<{ count: number }>(sql, { profileId })
      return row?.count ?? 0
    },

    /** Deletes revocations whose tokens have all expired. */
    async deleteExpired(now: Date): Promise<void> {
      const before = new Date(now.getTime() - revocationTtlMs)
      await db.query('delete from revocations where issued_until < :before', { before })
    },

    /** Adds revocations to memory and calls the listeners with the new ones. */
    add,

    /** Reads revocations committed since the last read, one read at a time. Rejects while PostgreSQL is unavailable. */
    check,

    /** When the rows were last read, in epoch milliseconds. */
    checkedAt: (): number | undefined => checkedAt,

    isRevoked,

    /**
     * @throws `session_revoked`; `auth_unavailable` until the first successful read, because the node cannot know who is
     * revoked.
     */
    async assertNotRevoked(session: SessionClaims): Promise<void> {
      if (checkedAt === undefined) await check().catch(throwUnavailable)
      // `retryAfter`: a new token issued within the same second would be refused too.
      if (isRevoked(session)) throw refusals.sessionRevoked(undefined, { retryAfter: 1 })
    },

    /** Calls the listener with each new revocation. */
    onRevoked(listener: Listener): Disposable {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
  }
}

interface Row {
  xmin: string
  revocation: Revocation | null
}

/**
 * Reads from the xmin of the last snapshot, below which every transaction had ended. Reading from the greatest id or time
 * would miss a transaction that commits after a later one.
 */
const since = `
  select snapshot.xmin, case when id is null then null else json_build_object(
    'profileId', profile_id, 'sessionId', session_id, 'exceptSessionId', except_session_id,
    'until', to_char(issued_until at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) end as revocation
  from (select pg_snapshot_xmin(pg_current_snapshot())::text as xmin) as snapshot
  left join revocations on transaction_id >= $1::text::xid8`

/** Adds a revocation and drops those it covers. Returns false when a known one covers it. */
function remember(known: Map<string, Revocation[]>, revocation: Revocation): boolean {
  const others = known.get(revocation.profileId) ?? []
  if (others.some(other => covers(other, revocation))) return false
  known.set(revocation.profileId, [...others.filter(other => !covers(revocation, other)), revocation])
  return true
}

/** Whether `one` refuses every token that `other` refuses. */
function covers(one: Revocation, other: Revocation): boolean {
  if (one.until < other.until) return false
  if (one.sessionId !== null) return one.sessionId === other.sessionId
  if (one.exceptSessionId === null) return true
  return other.sessionId === null
    ? one.exceptSessionId === other.exceptSessionId
    : one.exceptSessionId !== other.sessionId
}

function dropOlder(known: Map<string, Revocation[]>, before: number): void {
  for (const [profileId, revocations] of known) {
    const kept = revocations.filter(({ until }) => Date.parse(until) >= before)
    if (kept.length > 0) known.set(profileId, kept)
    else known.delete(profileId)
  }
}

const throwUnavailable = () => {
  throw refusals.authUnavailable(undefined, { retryAfter: 2 })
}
