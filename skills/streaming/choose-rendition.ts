import { type Rendition } from '../../models/track-audio'
import { type qualities } from './rules'

type Quality = (typeof qualities)[number]
const qualityDefault: Quality = 'aac-160'

/** The rendition for progressive playback: the requested quality, else the default, else the best AAC. */
export function chooseRendition<R extends Pick<Rendition, 'name' | 'codecs' | 'bandwidth'>>(
  renditions: readonly R[],
  requested: Quality = qualityDefault,
): R | undefined {
  const named = (name: Quality) => renditions.find(rendition => rendition.name === name)
  const byBandwidth = renditions
    .filter(({ codecs }) => codecs.startsWith('mp4a'))
    .sort((a, b) => b.bandwidth - a.bandwidth)
  return named(requested) ?? named(qualityDefault) ?? byBandwidth[0] ?? renditions[0]
}
