import { type FragmentLayout } from './read-fragments'
import { type Quality } from './bitrate-ladder'

/** Content types of renditions and previews, and of playlists (RFC 8216). */
export const audioContentType = 'audio/mp4'
export const playlistContentType = 'application/vnd.apple.mpegurl'

/** Bits per second: peak segment and average. */
export interface Bandwidth {
  bandwidth: number
  averageBandwidth: number
}

/** RFC 6381 codec strings: AAC-LC, and Opus in MP4. */
export const codecsOf = ({ codec }: Pick<Quality, 'codec'>): string => (codec === 'opus' ? 'opus' : 'mp4a.40.2')

/** The media playlist of one quality (RFC 8216): byte ranges of one file beside it, named without a path. */
export function mediaPlaylist(
  { headerBytes, firstSegmentAt, segments: list }: FragmentLayout,
  fileName: string,
): string {
  let at = firstSegmentAt
  const segments = list.map(({ bytes, seconds }) => {
    const lines = `#EXTINF:${seconds.toFixed(6)},\n#EXT-X-BYTERANGE:${bytes}@${at}\n${fileName}\n`
    at += bytes
    return lines
  })
  const target = Math.max(1, ...list.map(({ seconds }) => Math.round(seconds)))
  return (
    `#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:${target}\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n` +
    `#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI="${fileName}",BYTERANGE="${headerBytes}@0"\n` +
    `${segments.join('')}#EXT-X-ENDLIST\n`
  )
}

/** The multivariant playlist: relative names, so that it works at any URL, signed or not. */
export function multivariantPlaylist(
  variants: readonly (Bandwidth & { codecs: string; playlistName: string })[],
): string {
  const lines = variants.map(
    ({ bandwidth, averageBandwidth, codecs, playlistName }) =>
      `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth},AVERAGE-BANDWIDTH=${averageBandwidth},CODECS="${codecs}"\n${playlistName}\n`,
  )
  return `#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n${lines.join('')}`
}

/**
 * Ignore short last segments for the peak (RFC 8216, 4.1: at least half the target duration), unless it is the only
 * one.
 */
export function bandwidthOf({ segments }: FragmentLayout): Bandwidth {
  const rates = segments.filter(({ seconds }, index) => index === 0 || seconds >= 3).map(rateOf)
  const whole = segments.reduce(
    (sum, { bytes, seconds }) => ({ bytes: sum.bytes + bytes, seconds: sum.seconds + seconds }),
    {
      bytes: 0,
      seconds: 0,
    },
  )
  const averageBandwidth = rateOf(whole)
  return { bandwidth: Math.max(averageBandwidth, ...rates), averageBandwidth }
}

const rateOf = ({ bytes, seconds }: { bytes: number; seconds: number }) => Math.ceil((bytes * 8) / seconds)
