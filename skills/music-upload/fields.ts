import { boolean, line, nullable, oneOf, pattern, text } from '../../kernel/pipeline/schema'
import { trackVisibility } from '../tracks/views'
import { audioTypes } from './rules'

export const declaredAudioType = oneOf(...audioTypes)

/** Input fields of a track that its artist sets. */
export const trackInputFields = {
  title: line(200),
  description: text(5000, 0),
  genre: nullable(line(60)),
  visibility: trackVisibility,
  /** ISO 8601 with a time zone, such as 2026-12-01T00:00:00Z. */
  releaseAt: nullable(pattern(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)$/, 40)),
  isDownloadable: boolean,
}
