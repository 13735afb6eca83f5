import { flag, line, nullable, oneOf, pattern, text } from '../../kernel/schema'
import { trackVisibility } from '../streaming/views'
import { audioTypes } from './rules'

export const audioType = oneOf(...audioTypes)

/** Input fields of a track that its artist sets. */
export const trackWords = {
  title: line(200),
  description: text(5000, 0),
  genre: nullable(line(60)),
  visibility: trackVisibility,
  /** ISO 8601 with a time zone, such as 2026-12-01T00:00:00Z. */
  releaseAt: nullable(pattern(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)$/, 40)),
  isDownloadable: flag,
}
