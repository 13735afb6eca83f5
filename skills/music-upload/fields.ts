import { line, nullable, oneOf, text } from '../../kernel/schema'
import { visibility } from '../streaming/views'

/** One PUT carries no more than this. */
export const uploadBytesMax = 500 * 1024 * 1024

/** What a file may be announced as; what it is, its bytes say. */
export const audioType = oneOf(
  ...['audio/mpeg', 'audio/mp3', 'audio/mp4', 'audio/m4a', 'audio/x-m4a', 'audio/aac', 'audio/flac', 'audio/x-flac'],
  ...['audio/wav', 'audio/x-wav', 'audio/wave', 'audio/vnd.wave'],
  ...['audio/aiff', 'audio/x-aiff', 'audio/ogg', 'audio/opus'],
)

/** What an artist says of a track. */
export const trackWords = {
  title: line(200),
  description: text(5000, 0),
  genre: nullable(line(60)),
  visibility,
}
