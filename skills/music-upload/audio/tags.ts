import { plainLine } from '../plain-line'

const tagLengthMax = 200
/** What listeners may read. Nothing else is kept: files also carry places, comments and names of owners. */
const kept: Readonly<Record<string, string>> = {
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

/** Whoever describes a file need not tell of others: some have tens of thousands. */
export const tagNames: readonly string[] = Object.keys(kept)

/** The tags worth keeping, cleaned and bounded; the first source that has one wins. */
export function tagsOf(...sources: Record<string, unknown>[]): Record<string, string> {
  const tags: Record<string, string> = {}
  for (const [name, value] of sources.flatMap(source => Object.entries(source))) {
    const key = kept[name.toLowerCase()]
    if (key === undefined || key in tags || typeof value !== 'string') continue
    const clean = plainLine(value, tagLengthMax)
    if (clean !== undefined) tags[key] = clean
  }
  return tags
}
