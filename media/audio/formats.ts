/** An accepted file format: its ffmpeg demuxer, and how it is served. */
export interface AudioFormat {
  /** The name of ffmpeg's demuxer. */
  demuxer: Demuxer
  extension: string
  contentType: string
  /** Its header gives the duration, so that truncated audio can be detected. */
  knowsDuration: boolean
}

export type Demuxer = 'mp3' | 'aac' | 'ogg' | 'flac' | 'wav' | 'aiff' | 'mov'

const mp3: AudioFormat = { demuxer: 'mp3', extension: 'mp3', contentType: 'audio/mpeg', knowsDuration: false }
const aac: AudioFormat = { demuxer: 'aac', extension: 'aac', contentType: 'audio/aac', knowsDuration: false }
const ogg: AudioFormat = { demuxer: 'ogg', extension: 'ogg', contentType: 'audio/ogg', knowsDuration: false }
const flac: AudioFormat = { demuxer: 'flac', extension: 'flac', contentType: 'audio/flac', knowsDuration: true }
const wav: AudioFormat = { demuxer: 'wav', extension: 'wav', contentType: 'audio/wav', knowsDuration: true }
const aiff: AudioFormat = { demuxer: 'aiff', extension: 'aiff', contentType: 'audio/aiff', knowsDuration: true }
const mp4: AudioFormat = { demuxer: 'mov', extension: 'm4a', contentType: 'audio/mp4', knowsDuration: true }

/** Keys: the extensions that the package file-type detects. */
export const formatsBySignature: Readonly<Record<string, AudioFormat>> = {
  ...{ mp3, aac, flac, wav, aif: aiff },
  ...{ ogg, oga: ogg, opus: ogg, ogx: ogg, ogm: ogg, ogv: ogg },
  ...{ m4a: mp4, m4b: mp4, mp4, m4v: mp4, mov: mp4 },
}

/** Codecs that browsers play. */
export const isPlayableCodec = (codec: string): boolean =>
  ['mp3', 'aac', 'flac', 'vorbis', 'opus', 'alac'].includes(codec) || /^pcm_[suf]\d{1,2}(le|be)?$/.test(codec)

/**
 * First filter of every decode, so that all of them yield the same samples: fills gaps of missing packets with
 * silence instead of shortening the audio. Free when there are none.
 */
export const fillGapsFilter = 'aresample=async=1'

/**
 * Options for untrusted input: no network, no other files, no formats that refer to other files, no large
 * allocations.
 */
export const untrustedInputArgs = (path: string, demuxer: string): string[] => [
  ...['-max_alloc', String(256 * 1024 * 1024), '-protocol_whitelist', 'file,pipe', '-format_whitelist', demuxer],
  ...['-i', `file:${path}`],
]
