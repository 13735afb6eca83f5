import { Op } from 'sequelize'
import { operation } from '../../kernel/pipeline/operation'
import {
  count,
  boolean,
  id,
  list,
  named,
  nullable,
  number,
  oneOf,
  optional,
  record,
  shape,
  outputText,
} from '../../kernel/pipeline/schema'
import { FingerprintMatch, Track, TrackAudio } from '../../models'
import { downloadCopyOf } from '../music-processing/rules'
import { mayEditTrack, trackNotReady } from './rules'
import { loadTrackWithSecret, trackSecret } from './views'

const audioDetails = named(
  'AudioDetails',
  shape({
    trackId: id,
    /** Changes when the audio is replaced. */
    version: nullable(id),
    durationMs: count,
    /** Of the original file. */
    codec: nullable(outputText),
    contentType: nullable(outputText),
    bitrate: nullable(count),
    sampleRate: nullable(count),
    channels: nullable(count),
    /** Integrated, EBU R128. To normalize to -14 LUFS, a player applies the difference as gain. Null for silence. */
    loudnessLufs: nullable(number(-200, 100)),
    /** Limits the gain that is possible without clipping. */
    truePeakDbtp: nullable(number(-200, 100)),
    /** Lowest first. Bandwidths in bits per second: peak and average. */
    renditions: list(
      shape({ name: outputText, codecs: outputText, bandwidth: count, averageBandwidth: count, sizeBytes: count }),
      10,
    ),
    hasPreview: boolean,
    /**
     * For the owner only: the tags of the file, other tracks of theirs with the same recording, and the state of the
     * download copy. The copy is made when downloads are allowed; for a few formats none can be made.
     */
    ownerDetails: optional(
      shape({
        tags: record(outputText),
        sameRecordingTrackIds: list(id, 100),
        downloadCopy: oneOf('none', 'ready', 'impossible'),
      }),
    ),
  }),
)

export const getAudioDetails = operation({
  name: 'tracks.getAudioDetails',
  route: 'GET /tracks/:trackId/audio',
  summary: 'Get the audio details of a track',
  description: 'Codec, loudness and renditions; for its owner also the tags of the file.',
  auth: 'public',
  input: shape({ trackId: id, secret: optional(trackSecret) }),
  output: audioDetails,
  limit: { perMinute: 240 },
  idempotency: 'read',
  refuses: [trackNotReady],

  load: (input, context) => loadTrackWithSecret(input, context),

  allow: () => true,

  async run({ subject: track, actor }) {
    const { id: trackId, durationMs, contentType, bitrate, sampleRate, channels } = track
    if (durationMs === null) throw trackNotReady()
    const audio = await TrackAudio.findByPk(trackId)
    const renditions = audio?.renditions ?? []
    return {
      ...{ trackId, version: audio?.uploadId ?? null, durationMs, codec: audio?.codec ?? null, contentType },
      ...{ bitrate, sampleRate, channels },
      ...{ loudnessLufs: audio?.loudnessLufs ?? null, truePeakDbtp: audio?.truePeakDbtp ?? null },
      renditions: renditions.map(({ name, codecs, bandwidth, averageBandwidth, sizeBytes }) => ({
        ...{ name, codecs, bandwidth, averageBandwidth, sizeBytes },
      })),
      hasPreview: (audio?.previewKey ?? null) !== null,
      ...(mayEditTrack(actor, track)
        ? {
            ownerDetails: {
              tags: track.tags ?? {},
              sameRecordingTrackIds: await ownMatches(track),
              downloadCopy: downloadCopyState(audio),
            },
          }
        : {}),
    }
  },
})

function downloadCopyState(audio: TrackAudio | null): 'none' | 'ready' | 'impossible' {
  const copy = audio === null ? undefined : downloadCopyOf(audio)
  return copy === undefined ? 'none' : copy === null ? 'impossible' : 'ready'
}

/**
 * Only the owner's own tracks: matches with other artists are for moderators, since they would reveal private tracks.
 */
async function ownMatches({ id: trackId, ownerId }: Track): Promise<string[]> {
  const where = { [Op.or]: [{ trackId }, { olderTrackId: trackId }] }
  const matches = await FingerprintMatch.findAll({ where, order: ['trackId', 'olderTrackId'], limit: 100 })
  const ids = matches.map(match => (match.trackId === trackId ? match.olderTrackId : match.trackId))
  if (ids.length === 0) return []
  const matching = await Track.findAll({
    where: { id: ids, ownerId, deletedAt: null },
    attributes: ['id'],
    order: ['id'],
  })
  return matching.map(({ id }) => id)
}
