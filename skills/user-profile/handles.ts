import { Op } from 'sequelize'
import { type Context } from '../../kernel/context'
import { type World } from '../../kernel/world'
import { FormerHandle } from '../../models'

/** For so long nobody else may take a handle that was given up, so that nobody is taken for somebody else. */
const handleKeptDays = 30
/** Of how many given up handles a person keeps hold: more would be hoarding. */
const formerHandlesMax = 5

/**
 * Keeps everybody else from taking or giving up these handles until the transaction ends. Whoever gives a profile a handle
 * calls it first: what `isHandleTaken` then says stays true.
 */
export async function lockHandles(handles: readonly string[], world: World): Promise<void> {
  const sorted = [...new Set(handles.map(handle => handle.toLowerCase()))].sort()
  for (const handle of sorted)
    await world.db.query(`select pg_advisory_xact_lock(hashtextextended('handle:' || :handle, 0))`, { handle })
}

/** Whether somebody other than `profileId` has the handle, or gave it up only lately. */
export async function isHandleTaken(
  handle: string,
  profileId: string | null,
  { now, world }: Pick<Context, 'now' | 'world'>,
): Promise<boolean> {
  const keptSince = new Date(now.getTime() - handleKeptDays * 86_400_000)
  const holders = await world.db.query<{ id: string }>(
    `select id from profiles where lower(handle) = lower(:handle)
     union all
     select profile_id from former_handles where handle = lower(:handle) and released_at > :keptSince`,
    { handle, keptSince },
  )
  return holders.some(({ id }) => id !== profileId)
}

/** Remembers the handle that a person gives up, and that the one they take is no longer anybody's former one. */
export async function exchangeHandles(
  { id: profileId, from, to }: { id: string; from: string; to: string },
  now: Date,
): Promise<void> {
  await FormerHandle.destroy({ where: { handle: [from.toLowerCase(), to.toLowerCase()] } })
  if (from.toLowerCase() === to.toLowerCase()) return
  await FormerHandle.create({ handle: from.toLowerCase(), profileId, releasedAt: now })
  const order: [string, string][] = [['releasedAt', 'DESC']]
  const first = await FormerHandle.findOne({ where: { profileId }, order, offset: formerHandlesMax })
  if (first !== null) await FormerHandle.destroy({ where: { profileId, releasedAt: { [Op.lte]: first.releasedAt } } })
}

/** Whose handle it is; a former one leads to whoever gave it up. */
export async function holderOf(handle: string, world: World): Promise<string | undefined> {
  const [holder] = await world.db.query<{ id: string }>(
    `select id, 1 as rank from profiles where lower(handle) = lower(:handle)
     union all
     select profile_id, 2 from former_handles where handle = lower(:handle)
     order by rank limit 1`,
    { handle },
  )
  return holder?.id
}
