import { type Rendition } from '../../models/track-audio'
import { type qualities } from './rules'

type Quality = (typeof qualities)[number]
const qualityDefault: Quality = 'aac-160'

/** The rendition to be played as one file: the one that is wished for, the usual one, or the best that everybody can play. */
export function chooseRendition<R extends Pick<Rendition, 'name' | 'codecs' | 'bandwidth'>>(
  renditions: readonly R[],
  wish: Quality = qualityDefault,
): R | undefined {
  const named = (name: Quality) => renditions.find(rendition => rendition.name === name)
  const byBandwidth = renditions
    .filter(({ codecs }) => codecs.startsWith('mp4a'))
    .sort((a, b) => b.bandwidth - a.bandwidth)
  return named(wish) ?? named(qualityDefault) ?? byBandwidth[0] ?? renditions[0]
}
