import { type Context } from '../../kernel/pipeline/context'
import { deleteObjects } from '../../kernel/platform/delete-objects'
import { type Track, type Upload } from '../../models'
import { grantLifeMsMax, grantMarginMs } from '../streaming/rules'
import { audioVersionPrefix } from './rules'

/** Deletes the objects made of one upload; other audio versions of the track stay. */
export const deleteAudioVersion = (
  { id, trackId }: Pick<Upload, 'id'> & { trackId: string },
  { enqueue }: Pick<Context, 'enqueue'>,
): Promise<void> => enqueue(deleteObjects, { prefixes: [audioVersionPrefix(trackId, id)] })

/** Deletes the present audio of a track once every grant for it has expired. */
export async function deleteReplacedAudio(
  { id, audioVersion }: Pick<Track, 'id' | 'audioVersion'>,
  { enqueue, now }: Pick<Context, 'enqueue' | 'now'>,
): Promise<void> {
  if (audioVersion === null) return
  const prefixes = [audioVersionPrefix(id, audioVersion)]
  await enqueue(deleteObjects, { prefixes }, { runAt: new Date(now.getTime() + grantLifeMsMax + grantMarginMs) })
}
