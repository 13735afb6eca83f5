import { type InferAttributes } from 'sequelize'
import { type Context } from '../../kernel/pipeline/context'
import { type Track } from '../../models'
import { isOwnerOnly, isListedToFollowers, narrowsVisibility } from './rules'
import { viewTrack } from './views'
import { trackChanged, trackPublished, trackVisibilityNarrowed } from './events'

/** Updates a locked track: increments its revision, publishes it the first time it is listed, and emits the events. */
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

  const isNarrowed = narrowsVisibility(track.visibility, before)
  const view = await viewTrack(track, { actor: null })
  const staysWithOwner = isOwnerOnly(track) || (isNarrowed && changed.some(name => !revealsNothing.has(name)))
  await emit(trackChanged, staysWithOwner ? { track: view, isOwnerOnly: true } : { track: view })
  if (publishes) await emit(trackPublished, { trackId: track.id, actor: view.owner, title: track.title })
  if (isNarrowed) await emit(trackVisibilityNarrowed, { trackId: track.id, ownerId: track.ownerId })
}

/** Changes that reveal nothing new to people who have just lost access to the track. */
const revealsNothing: ReadonlySet<string> = new Set(['visibility', 'rev'])
