import { sanitizeLine } from './sanitize-line'

const tagLengthMax = 200
/** Tags that are public. No others are kept, since files also hold places, comments and names of owners. */
const publicTags: Readonly<Record<string, string>> = {
  title: 'title',
  artist: 'artist',
  album: 'album',
  album_artist: 'albumArtist',
  albumartist: 'albumArtist',
  composer: 'composer',
  genre: 'genre',
  date: 'date',
  year: 'date',
  track: 'track',
  tracknumber: 'track',
  isrc: 'isrc',
  tsrc: 'isrc',
}

/** The tags to request from ffprobe: some files have tens of thousands. */
export const requestedTags: readonly string[] = Object.keys(publicTags)

/** Selects, cleans and truncates the public tags; the first source that has a tag wins. */
export function readTags(...sources: Record<string, unknown>[]): Record<string, string> {
  const tags: Record<string, string> = {}
  for (const [name, value] of sources.flatMap(source => Object.entries(source))) {
    const key = publicTags[name.toLowerCase()]
    if (key === undefined || key in tags || typeof value !== 'string') continue
    const clean = sanitizeLine(value, tagLengthMax)
    if (clean !== undefined) tags[key] = clean
  }
  return tags
}
