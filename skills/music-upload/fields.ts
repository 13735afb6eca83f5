import { flag, line, nullable, oneOf, text } from '../../kernel/schema'
import { visibility } from '../streaming/views'
import { audioTypes } from './rules'

export const audioType = oneOf(...audioTypes)

/** What an artist says of a track. */
export const trackWords = {
  title: line(200),
  description: text(5000, 0),
  genre: nullable(line(60)),
  visibility,
  isDownloadable: flag,
}
