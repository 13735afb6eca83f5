import { plainLine } from './plain-line'

/** What a track is called until its tags or its artist know better: the file's name without its ending. */
export const provisionalTitle = (fileName: string): string =>
  plainLine(fileName.replace(/\.[A-Za-z0-9]{1,5}$/, '').replaceAll('_', ' '), 200) ?? 'Untitled'
