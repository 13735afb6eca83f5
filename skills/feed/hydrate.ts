import { type Context } from '../../kernel/context'
import { Track } from '../../models'
import { isListed } from '../streaming/rules'
import { type TrackView, viewTracks } from '../streaming/views'

/** The position before the first row, for keys of an instant and an id. */
export const newest = ['infinity', '00000000-0000-0000-0000-000000000000'] as const

/** Tracks by id as the viewer sees them; what is listed no longer since its id was read is left out. */
export async function hydrate(
  ids: readonly string[],
  context: Pick<Context, 'actor'>,
): Promise<Map<string, TrackView>> {
  const tracks = ids.length === 0 ? [] : await Track.findAll({ where: { id: [...ids] } })
  const views = await viewTracks(tracks.filter(isListed), context)
  return new Map(views.map(view => [view.id, view]))
}
