import { Op } from 'sequelize'
import { type Context } from '../../kernel/pipeline/context'
import { type AppContext } from '../../kernel/platform/app-context'
import { HandleRedirect } from '../../models'

/** A released handle stays reserved for its former owner this long, to prevent impersonation. */
const handleReservedDays = 30
/** How many released handles stay reserved per profile, to prevent hoarding. */
const formerHandlesMax = 5

/**
 * Takes advisory locks on handles until the transaction ends, in sorted order. Call it before `isHandleTaken`, whose answer
 * then stays true until the commit.
 */
export async function lockHandles(handles: readonly string[], app: AppContext): Promise<void> {
  const sorted = [...new Set(handles.map(handle => handle.toLowerCase()))].sort()
  for (const handle of sorted)
    await app.db.query(`select pg_advisory_xact_lock(hashtextextended('handle:' || :handle, 0))`, { handle })
}

/** Whether a profile other than `profileId` has the handle, or released it less than 30 days ago. */
export async function isHandleTaken(
  handle: string,
  profileId: string | null,
  { now, app }: Pick<Context, 'now' | 'app'>,
): Promise<boolean> {
  const reservedSince = new Date(now.getTime() - handleReservedDays * 86_400_000)
  const owners = await app.db.query<{ id: string }>(
    `select id from profiles where lower(handle) = lower(:handle)
     union all
     select profile_id from handle_redirects where handle = lower(:handle) and released_at > :reservedSince`,
    { handle, reservedSince },
  )
  return owners.some(({ id }) => id !== profileId)
}

/** Records `from` as a former handle of the profile, and `to` as nobody's former handle any more. */
export async function recordHandleChange(
  { id: profileId, from, to }: { id: string; from: string; to: string },
  now: Date,
): Promise<void> {
  await HandleRedirect.destroy({ where: { handle: [from.toLowerCase(), to.toLowerCase()] } })
  if (from.toLowerCase() === to.toLowerCase()) return
  await HandleRedirect.create({ handle: from.toLowerCase(), profileId, releasedAt: now })
  const order: [string, string][] = [['releasedAt', 'DESC']]
  const first = await HandleRedirect.findOne({ where: { profileId }, order, offset: formerHandlesMax })
  if (first !== null) await HandleRedirect.destroy({ where: { profileId, releasedAt: { [Op.lte]: first.releasedAt } } })
}

/** The profile id of a handle's owner, or of the last owner of a released one. */
export async function findHandleOwner(handle: string, app: AppContext): Promise<string | undefined> {
  const [owner] = await app.db.query<{ id: string }>(
    `select id, 1 as rank from profiles where lower(handle) = lower(:handle)
     union all
     select profile_id, 2 from handle_redirects where handle = lower(:handle)
     order by rank limit 1`,
    { handle },
  )
  return owner?.id
}
