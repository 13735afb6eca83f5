import { type Context } from '../../kernel/context'
import { type Playlist } from '../../models'
import { itemsMoved } from './events'
import { type Place } from './place'
import { revise } from './revise'

/** Updates ranks of items of a locked playlist, in one statement, and emits `itemsMoved`. */
export async function movePlaces(
  playlist: Playlist,
  places: Place[],
  { now, emit, world }: Pick<Context, 'now' | 'emit' | 'world'>,
): Promise<void> {
  if (places.length === 0) return
  await world.db.query(
    `update playlist_items set rank = item.rank
     from jsonb_to_recordset(cast(:places as jsonb)) as item ("itemId" uuid, rank text)
     where id = item."itemId" and playlist_id = :playlistId`,
    { places: JSON.stringify(places), playlistId: playlist.id },
  )
  await emit(itemsMoved, { ...(await revise(playlist, now)), places })
}
