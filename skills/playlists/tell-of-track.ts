import { Transaction } from 'sequelize'
import { type Context } from '../../kernel/context'
import { type Job, job } from '../../kernel/job'
import { id, nullable, shape } from '../../kernel/schema'
import { Playlist, PlaylistItem, Track } from '../../models'
import { isListed } from '../streaming/rules'
import { viewTrack } from '../streaming/views'
import { trackChanged } from './events'

export const playlistsPerBatch = 200
const firstId = '00000000-0000-0000-0000-000000000000'

/**
 * Tells those who follow playlists how a track of theirs is now, or that it is gone, batch after batch. A batch and the request for the
 * next are one transaction, so that it goes on where it stopped. What is told is absolute: twice does no harm.
 */
export const tellOfTrack: Job<{ trackId: string; after: string | null }> = job({
  name: 'playlists.tellOfTrack',
  payload: shape({ trackId: id, after: nullable(id) }),
  attemptsMax: 20,

  run: ({ trackId, after }, { transact }) =>
    transact(async context => {
      const next = after === null ? await waitForItems(trackId) : await tellSome(trackId, after, context)
      if (next !== undefined) await context.enqueue(tellOfTrack, { trackId, after: next })
    }),
})

/**
 * Whoever adds the track at this moment holds its row from the insert on, and looks at it after that: either they see what
 * changed, or they are waited for here and told with the rest. A transaction of its own: they hold their playlist before the track.
 */
async function waitForItems(trackId: string): Promise<string> {
  await Track.findByPk(trackId, { attributes: ['id'], lock: Transaction.LOCK.UPDATE })
  return firstId
}

/** Answers the last playlist of a batch that was full. */
async function tellSome(trackId: string, after: string, context: Context): Promise<string | undefined> {
  const ids = await nextPlaylists(trackId, after, context)
  // None becomes private meanwhile: what is said of it goes to those who may hear it.
  const lock = Transaction.LOCK.SHARE
  const playlists = await Playlist.findAll({ where: { id: ids, removedAt: null }, order: ['id'], lock })
  // Only now, and until the commit: who waits for a playlist while the track is changed again would be the last to tell of it.
  const track = await Track.findByPk(trackId, { lock })
  if (track === null) return undefined
  const items = await PlaylistItem.findAll({ where: { playlistId: ids, trackId }, order: ['id'] })
  const isGone = track.removedAt !== null
  const asAnyoneSees = isListed(track) ? await viewTrack(track, { actor: null }) : null
  for (const { id: playlistId, ownerId, visibility } of playlists) {
    const itemIds = items.flatMap(item => (item.playlistId === playlistId ? item.id : []))
    if (itemIds.length > 0)
      await context.emit(trackChanged, {
        playlistId,
        ownerId,
        visibility,
        itemIds,
        trackId,
        isGone,
        track: asAnyoneSees,
      })
  }
  return ids.length === playlistsPerBatch ? ids.at(-1) : undefined
}

async function nextPlaylists(trackId: string, after: string, { world }: Pick<Context, 'world'>): Promise<string[]> {
  const rows = await world.db.call<{ id: string }>(
    `select distinct playlist_id as id from playlist_items
     where track_id = $1 and playlist_id > $2 order by playlist_id limit $3`,
    [trackId, after, playlistsPerBatch],
  )
  return rows.map(({ id: playlistId }) => playlistId)
}
