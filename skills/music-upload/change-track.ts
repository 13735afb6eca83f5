import { type InferAttributes } from 'sequelize'
import { type Context } from '../../kernel/context'
import { type Track } from '../../models'
import { isForArtistAlone, isListedToFollowers, isNarrower } from '../streaming/rules'
import { viewTrack } from '../streaming/views'
import { trackChanged, trackHidden, trackPublished } from './events'

/** Changes a locked track, with all that follows: its revision, its one publication, and who is told. */
export async function changeTrack(
  track: Track,
  changes: Partial<InferAttributes<Track>>,
  { now, emit }: Pick<Context, 'now' | 'emit'>,
): Promise<void> {
  const before = track.visibility
  track.set(changes)
  const changed = track.changed()
  if (changed === false) return
  const publishes = track.publishedAt === null && isListedToFollowers(track)
  await track.set({ rev: track.rev + 1, ...(publishes ? { publishedAt: now } : {}) }).save()

  const narrows = isNarrower(track.visibility, before)
  const view = await viewTrack(track, { actor: null })
  const isForArtist = isForArtistAlone(track) || (narrows && changed.some(name => !tellsNothing.has(name)))
  await emit(trackChanged, isForArtist ? { track: view, isForArtist } : { track: view })
  if (publishes) await emit(trackPublished, { trackId: track.id, by: view.owner, title: track.title })
  if (narrows) await emit(trackHidden, { trackId: track.id, ownerId: track.ownerId })
}

/** What whoever may see the track no longer may learn all the same. */
const tellsNothing: ReadonlySet<string> = new Set(['visibility', 'rev'])
