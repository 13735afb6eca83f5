import { type Context } from '../../kernel/context'
import { type Playlist } from '../../models'
import { itemsMoved } from './events'
import { type Place } from './place'
import { revise } from './revise'

/** Gives items of a locked playlist their new ranks, in one statement, and says so. */
export async function movePlaces(
  playlist: Playlist,
  places: Place[],
  { now, emit, world }: Pick<Context, 'now' | 'emit' | 'world'>,
): Promise<void> {
  if (places.length === 0) return
  await world.db.query(
    `update playlist_items set rank = place.rank
     from jsonb_to_recordset(cast(:places as jsonb)) as place ("itemId" uuid, rank text)
     where id = place."itemId" and playlist_id = :playlistId`,
    { places: JSON.stringify(places), playlistId: playlist.id },
  )
  await emit(itemsMoved, { ...(await revise(playlist, now)), places })
}
