import { type Context } from '../../kernel/pipeline/context'
import { type Play } from '../../models'

/** Adds the track to the listener's history, or moves it to the top, unless the history is paused. */
export async function addToHistory({ profileId, trackId }: Play, { now, app }: Context): Promise<void> {
  if (profileId === null) return
  await app.db.query(upsert, { profileId, trackId, now })
}

/** Keeps the later time, because offline plays are reported late. */
const upsert = `
  insert into history_entries as existing (profile_id, track_id, played_at)
  select id, :trackId, :now from profiles where id = :profileId and history_enabled
  on conflict (profile_id, track_id) do update set played_at = greatest(existing.played_at, excluded.played_at)
  returning 1`
