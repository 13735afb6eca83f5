import { type AudioMeasurements } from '../../media/audio/measure-audio'
import { type ProbedAudio } from '../../media/audio/probe-audio'
import { type DownloadCopy } from './build-download-copy'
import { type StoredStreams } from './store-streams'

/** The result of processing a file. */
export interface AnalyzedUpload {
  key: string
  probe: ProbedAudio
  durationMs: number
  measurements: Omit<AudioMeasurements, 'durationMs'>
  streams: StoredStreams
  download: DownloadCopy
}
