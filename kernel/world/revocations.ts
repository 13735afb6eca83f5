import { refusals } from '../refusals'
import { isRevokedBy, type Revocation, type Session } from '../revocation'
import { type Clock } from './clock'
import { type Database } from './database'
import { tokenLifeMaxMs } from './tokens'

/** When the last token that a revocation could refuse has expired, clocks that differ included. */
export const revocationsKeptMs = tokenLifeMaxMs + 10 * 60_000
/** So often all rows are read anew: a database that was put back to an older state counts its transactions anew. */
const anewEveryMs = 10 * 60_000

type Listener = (revocations: readonly Revocation[]) => void

export type Revocations = ReturnType<typeof createRevocations>

/**
 * Which tokens are refused although they have not expired. The rows in PostgreSQL are the truth; every node holds those of
 * the last day in memory, where it hears of a new one through `add` at once and through `check` in any case.
 */
export function createRevocations(db: Database, clock: Clock) {
  const known = new Map<string, Revocation[]>()
  const listeners = new Set<Listener>()
  /** Every transaction below this number had ended, and was seen, when the rows were last read. */
  let seen = '0'
  let checkedAt: number | undefined
  let checking: Promise<void> | undefined
  let readAnewAt = clock.now()

  function add(revocations: readonly Revocation[]): void {
    const fresh = revocations.filter(revocation => remember(known, revocation))
    if (fresh.length > 0) for (const listener of listeners) listener(fresh)
  }

  async function read(): Promise<void> {
    const startedAt = clock.now()
    const isAnew = startedAt - readAnewAt >= anewEveryMs
    const rows = await db.read<Row>({ name: 'revocations-since', text: since, values: [isAnew ? '0' : seen] })
    add(rows.flatMap(({ revocation }) => revocation ?? []))
    seen = rows[0]?.seen ?? seen
    checkedAt = startedAt
    if (!isAnew) return
    readAnewAt = startedAt
    forget(known, startedAt - revocationsKeptMs)
  }

  const isRevoked = (session: Session): boolean =>
    known.get(session.profileId)?.some(revocation => isRevokedBy(session, revocation)) === true

  function check(): Promise<void> {
    checking ??= read().finally(() => (checking = undefined))
    return checking
  }

  return {
    /** Writes one, in the transaction of its cause; whoever writes it also announces it. */
    async write({ profileId, sessionId, exceptSessionId, until }: Revocation, endedBy: string): Promise<void> {
      await db.query(
        `insert into revocations (profile_id, session_id, except_session_id, until, ended_by)
         values (:profileId, :sessionId, :exceptSessionId, :until, :endedBy)`,
        { profileId, sessionId, exceptSessionId, until, endedBy },
      )
    },

    /** How many of a person's are kept. */
    async countOf(profileId: string): Promise<number> {
      const sql = 'select count(*)::int as count from revocations where profile_id = :profileId'
      const [row] = await db.query<{ count: number }>(sql, { profileId })
      return row?.count ?? 0
    },

    /** Deletes the rows that no token can need any more. */
    async forget(now: Date): Promise<void> {
      const before = new Date(now.getTime() - revocationsKeptMs)
      await db.query('delete from revocations where until < :before', { before })
    },

    /** Takes note of what was heard of; listeners are told of what is new. */
    add,

    /** Reads what was committed since the last time, one read at a time. Rejects while PostgreSQL is away. */
    check,

    /** When the rows were last read, in epoch milliseconds. */
    checkedAt: (): number | undefined => checkedAt,

    isRevoked,

    /**
     * @throws `session_revoked`, and `auth_unavailable` when the rows could never be read: a node that knows nothing of them
     * must not let anybody in.
     */
    async refuseRevoked(session: Session): Promise<void> {
      if (checkedAt === undefined) await check().catch(refuseAll)
      // A token of this very second would be refused as well.
      if (isRevoked(session)) throw refusals.sessionRevoked(undefined, { retryAfter: 1 })
    },

    /** Hears of every new one, at once. */
    onRevoked(listener: Listener): Disposable {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
  }
}

interface Row {
  seen: string
  revocation: Revocation | null
}

/**
 * A transaction may commit after one that began later: behind the greatest id, or a time, its row would never be read. Below
 * the xmin of a snapshot everything has ended, so that reading again from there on misses nothing and repeats little.
 */
const since = `
  select snapshot.xmin as seen, case when id is null then null else json_build_object(
    'profileId', profile_id, 'sessionId', session_id, 'exceptSessionId', except_session_id,
    'until', to_char(until at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) end as revocation
  from (select pg_snapshot_xmin(pg_current_snapshot())::text as xmin) as snapshot
  left join revocations on written_by >= $1::text::xid8`

/** Keeps of each kind the latest; says whether it was new. */
function remember(known: Map<string, Revocation[]>, revocation: Revocation): boolean {
  const others = known.get(revocation.profileId) ?? []
  if (others.some(other => covers(other, revocation))) return false
  known.set(revocation.profileId, [...others.filter(other => !covers(revocation, other)), revocation])
  return true
}

/** Whether every token that `other` refuses is refused by `one` as well. */
function covers(one: Revocation, other: Revocation): boolean {
  if (one.until < other.until) return false
  if (one.sessionId !== null) return one.sessionId === other.sessionId
  if (one.exceptSessionId === null) return true
  return other.sessionId === null
    ? one.exceptSessionId === other.exceptSessionId
    : one.exceptSessionId !== other.sessionId
}

function forget(known: Map<string, Revocation[]>, before: number): void {
  for (const [profileId, revocations] of known) {
    const kept = revocations.filter(({ until }) => Date.parse(until) >= before)
    if (kept.length > 0) known.set(profileId, kept)
    else known.delete(profileId)
  }
}

const refuseAll = () => {
  throw refusals.authUnavailable(undefined, { retryAfter: 2 })
}
