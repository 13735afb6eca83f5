import { type Context } from '../../kernel/pipeline/context'
import { type Playlist } from '../../models'
import { itemsMoved } from './events'
import { type ItemRank } from './ranks-after-move'
import { saveRevision } from './save-revision'

/** Updates ranks of items of a locked playlist, in one statement, and emits `itemsMoved`. */
export async function updateRanks(
  playlist: Playlist,
  ranks: ItemRank[],
  { now, emit, app }: Pick<Context, 'now' | 'emit' | 'app'>,
): Promise<void> {
  if (ranks.length === 0) return
  await app.db.query(
    `update playlist_items set rank = item.rank
     from jsonb_to_recordset(cast(:ranks as jsonb)) as item ("itemId" uuid, rank text)
     where id = item."itemId" and playlist_id = :playlistId`,
    { ranks: JSON.stringify(ranks), playlistId: playlist.id },
  )
  await emit(itemsMoved, { ...(await saveRevision(playlist, now)), ranks })
}
