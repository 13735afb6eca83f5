import { sanitizeLine } from '../../media/audio/sanitize-line'

/** Default title: the file name without its extension, until the tags or the artist provide one. */
export const defaultTitle = (fileName: string): string =>
  sanitizeLine(fileName.replace(/\.[A-Za-z0-9]{1,5}$/, '').replaceAll('_', ' '), 200) ?? 'Untitled'
