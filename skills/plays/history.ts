import { type Context } from '../../kernel/context'
import { type Play } from '../../models'

/** Puts the track on top of the listener's history, unless they keep none. */
export async function keepInHistory({ profileId, trackId }: Play, { now, world }: Context): Promise<void> {
  if (profileId === null) return
  await world.db.query(keep, { profileId, trackId, now })
}

/** The later one stays: what was heard offline is told late. */
const keep = `
  insert into listened as kept (profile_id, track_id, at)
  select id, :trackId, :now from profiles where id = :profileId and keeps_history
  on conflict (profile_id, track_id) do update set at = greatest(kept.at, excluded.at)
  returning 1`
