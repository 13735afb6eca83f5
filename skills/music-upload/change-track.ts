import { type InferAttributes } from 'sequelize'
import { type Context } from '../../kernel/context'
import { type Track } from '../../models'
import { isListed } from '../streaming/rules'
import { viewTrack } from '../streaming/views'
import { trackChanged, trackHidden, trackPublished } from './events'

/** Changes a locked track, with all that follows: its revision, its one publication, and who is told. */
export async function changeTrack(
  track: Track,
  changes: Partial<InferAttributes<Track>>,
  { now, emit }: Pick<Context, 'now' | 'emit'>,
): Promise<void> {
  const wasShared = track.visibility !== 'private'
  track.set(changes)
  if (track.changed() === false) return
  const publishes = track.publishedAt === null && isListed(track)
  await track.set({ rev: track.rev + 1, ...(publishes ? { publishedAt: now } : {}) }).save()

  const view = await viewTrack(track, { actor: null })
  await emit(trackChanged, { track: view })
  if (publishes) await emit(trackPublished, { trackId: track.id, by: view.owner, title: track.title })
  if (wasShared && track.visibility === 'private')
    await emit(trackHidden, { trackId: track.id, ownerId: track.ownerId })
}
