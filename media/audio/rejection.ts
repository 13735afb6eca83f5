import { FileRejection } from '../file-rejection'

/** Why a file is rejected for good; a retry would not help. The messages are for the artist. */
export const rejectionReasons = {
  unsupported_format: 'This is not a supported audio file. Send MP3, M4A, AAC, FLAC, WAV, AIFF, Ogg Vorbis or Opus.',
  trailing_content: 'This file holds an archive or a web page behind the audio. Send the audio alone.',
  no_audio_stream: 'This file has no audio.',
  video_not_supported: 'This is a video. Send its audio alone.',
  unsupported_codec: 'The audio codec of this file is not supported by players.',
  too_short: 'The audio is shorter than one second.',
  too_long: 'The audio is longer than 24 hours.',
  damaged: 'The file is truncated or damaged: its audio ends too early. Export it again and send the new file.',
  processing_timeout: 'Reading this file took too long.',
} as const

export type RejectionCode = keyof typeof rejectionReasons

/** Whether an error is caused by the file and would recur. `processing_timeout` may be caused by the machine. */
export const isCausedByFile = (error: unknown): boolean =>
  error instanceof Rejection && error.code !== 'processing_timeout'

export class Rejection extends FileRejection<RejectionCode> {
  constructor(code: RejectionCode) {
    super(code, rejectionReasons[code])
  }
}
