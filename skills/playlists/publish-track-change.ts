import { Transaction } from 'sequelize'
import { type Context } from '../../kernel/pipeline/context'
import { type Job, job } from '../../kernel/events/job'
import { id, nullable, shape } from '../../kernel/pipeline/schema'
import { Playlist, PlaylistItem, Track } from '../../models'
import { isListed } from '../tracks/rules'
import { viewTrack } from '../tracks/views'
import { itemTrackChanged } from './events'

export const playlistsPerBatch = 200
const firstId = '00000000-0000-0000-0000-000000000000'

/**
 * Emits `itemTrackChanged` for every playlist that contains the track, in batches. A batch and the enqueueing of the next are one
 * transaction, so that a retry resumes there. Events contain the track's current state, so a repeated event is harmless.
 */
export const publishTrackChange: Job<{ trackId: string; after: string | null }> = job({
  name: 'playlists.publishTrackChange',
  payload: shape({ trackId: id, after: nullable(id) }),
  attemptsMax: 20,

  run: ({ trackId, after }, { transact }) =>
    transact(async context => {
      const next = after === null ? await waitForAddItem(trackId) : await publishBatch(trackId, after, context)
      if (next !== undefined) await context.enqueue(publishTrackChange, { trackId, after: next })
    }),
})

/** Enqueues `publishTrackChange`. The key makes changes before the job starts one job, which publishes the track as it is then. */
export const enqueueTrackChange = (trackId: string, { enqueue }: Pick<Context, 'enqueue'>): Promise<void> =>
  enqueue(publishTrackChange, { trackId, after: null }, { key: `playlists.publishTrackChange:${trackId}` })

/**
 * Waits for concurrent `addItem` calls: their insert locks the track's row, and they read the track after that. So either they
 * see the change, or their items are found by the batches. A transaction of its own, because they lock playlist before track.
 */
async function waitForAddItem(trackId: string): Promise<string> {
  await Track.findByPk(trackId, { attributes: ['id'], lock: Transaction.LOCK.UPDATE })
  return firstId
}

/** Returns the last playlist id of a full batch, undefined when done. */
async function publishBatch(trackId: string, after: string, context: Context): Promise<string | undefined> {
  const ids = await nextPlaylists(trackId, after, context)
  // Share locks, so that none becomes private before the commit: the visibility decides who gets the event.
  const lock = Transaction.LOCK.SHARE
  const playlists = await Playlist.findAll({ where: { id: ids, deletedAt: null }, order: ['id'], lock })
  // Lock the track after the playlists, until the commit: a change while this waited for them must be in the event.
  const track = await Track.findByPk(trackId, { lock })
  if (track === null) return undefined
  const items = await PlaylistItem.findAll({ where: { playlistId: ids, trackId }, order: ['id'] })
  const isDeleted = track.deletedAt !== null
  const publicView = isListed(track) ? await viewTrack(track, { actor: null }) : null
  for (const { id: playlistId, ownerId, visibility } of playlists) {
    const itemIds = items.flatMap(item => (item.playlistId === playlistId ? item.id : []))
    if (itemIds.length > 0)
      await context.emit(itemTrackChanged, {
        playlistId,
        ownerId,
        visibility,
        itemIds,
        trackId,
        isDeleted,
        track: publicView,
      })
  }
  return ids.length === playlistsPerBatch ? ids.at(-1) : undefined
}

async function nextPlaylists(trackId: string, after: string, { app }: Pick<Context, 'app'>): Promise<string[]> {
  const rows = await app.db.queryBound<{ id: string }>(
    `select distinct playlist_id as id from playlist_items
     where track_id = $1 and playlist_id > $2 order by playlist_id limit $3`,
    [trackId, after, playlistsPerBatch],
  )
  return rows.map(({ id: playlistId }) => playlistId)
}
