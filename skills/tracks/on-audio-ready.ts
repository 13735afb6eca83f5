import { reaction } from '../../kernel/events/reaction'
import { type Track, Upload } from '../../models'
import { audioReady } from '../music-processing/events'
import { changeTrack } from './change-track'
import { defaultTitle } from './rules'
import { lockTrack } from './views'

export const onAudioReady = reaction({
  to: audioReady,
  because: 'the track plays its new audio',
  async react({ uploadId, trackId, tags, ...audio }, context) {
    const track = await lockTrack(trackId)
    if (track === null) return
    const title = await suggestedTitle(track, uploadId, tags)
    await changeTrack(track, { state: 'ready', audioVersion: uploadId, ...audio, tags, ...title }, context)
  },
})

/** The title from the tags, unless the artist has set one before or since. */
async function suggestedTitle(track: Track, uploadId: string, { title }: Record<string, string>) {
  const upload = await Upload.findByPk(uploadId)
  if (upload === null) return {}
  const isNew = !upload.replacesAudio && track.audioKey === null
  const isUnchanged = isNew && upload.title === null && track.title === defaultTitle(upload.fileName)
  return isUnchanged && title !== undefined ? { title } : {}
}
