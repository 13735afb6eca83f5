import { event } from '../../kernel/events/event'
import { count, id, nullable, outputText, record, shape } from '../../kernel/pipeline/schema'

/** Internal: the audio of an upload was stored, and its track plays it from now on. */
export const audioReady = event({
  name: 'music-processing.audioReady',
  summary: 'The audio of an upload is ready',
  payload: shape({
    uploadId: id,
    trackId: id,
    audioKey: outputText,
    contentType: outputText,
    durationMs: count,
    bitrate: nullable(count),
    sampleRate: nullable(count),
    channels: nullable(count),
    tags: record(outputText),
  }),
})

/** Internal: an upload ended without audio. */
export const audioFailed = event({
  name: 'music-processing.audioFailed',
  summary: 'An upload was rejected or failed',
  payload: shape({ uploadId: id, trackId: id }),
})
