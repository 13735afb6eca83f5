/** What is wrong with a file, for good: trying again would not help. The words are for the artist. */
export const faults = {
  not_audio: 'This is not an audio file that we know. Send MP3, M4A, AAC, FLAC, WAV, AIFF, Ogg Vorbis or Opus.',
  two_things: 'There is an archive or a page behind the sound in this file. Send the sound alone.',
  no_audio: 'There is no sound in this file.',
  has_video: 'This is a video. Send its sound alone.',
  codec_unsupported: 'The sound in this file is coded in a way that players do not understand.',
  too_short: 'The sound is shorter than a second.',
  too_long: 'The sound is longer than a day.',
  damaged: 'The file was cut off or is damaged: its sound ends too early. Export it again, and send that.',
  too_slow: 'It took too long to read this file.',
  file_changed: 'The file is not the one that was announced. Send it again.',
} as const

export type FaultCode = keyof typeof faults

/** Whether an error says something of the file for good. That it took too long to read may be the machine's fault. */
export const saysOfFile = (error: unknown): boolean => error instanceof Rejection && error.code !== 'too_slow'

export class Rejection extends Error {
  constructor(readonly code: FaultCode) {
    super(code)
    this.name = 'Rejection'
  }

  get fault(): { code: FaultCode; message: string } {
    return { code: this.code, message: faults[this.code] }
  }
}
