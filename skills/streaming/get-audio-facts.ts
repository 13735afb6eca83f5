import { Op } from 'sequelize'
import { operation } from '../../kernel/operation'
import {
  count,
  flag,
  id,
  list,
  named,
  nullable,
  number,
  oneOf,
  optional,
  record,
  shape,
  written,
} from '../../kernel/schema'
import { FingerprintMatch, Track, TrackAudio } from '../../models'
import { copyOf } from './copy-of'
import { mayEditTrack, notReady } from './rules'
import { shownTrack, trackSecret } from './views'

const audioFacts = named(
  'AudioFacts',
  shape({
    trackId: id,
    /** Changes when the audio is replaced. */
    version: nullable(id),
    durationMs: count,
    /** Of the file that the artist sent. */
    codec: nullable(written),
    contentType: nullable(written),
    bitrate: nullable(count),
    sampleRate: nullable(count),
    channels: nullable(count),
    /** Integrated, EBU R128: a player that plays everything at -14 LUFS adds the difference. Null for silence. */
    loudnessLufs: nullable(number(-200, 100)),
    /** How far that may go without clipping. */
    truePeakDbtp: nullable(number(-200, 100)),
    /** The lowest first. Bandwidths in bits per second, at most and on average. */
    renditions: list(
      shape({ name: written, codecs: written, bandwidth: count, averageBandwidth: count, sizeBytes: count }),
      10,
    ),
    hasPreview: flag,
    /**
     * For its owner alone: what the file says of itself, tracks of theirs that are the same recording, and whether there is a
     * copy without tags for others to download. It is made when downloads are allowed; of a few files none can be made.
     */
    own: optional(
      shape({ tags: record(written), resembles: list(id, 100), downloadCopy: oneOf('none', 'ready', 'impossible') }),
    ),
  }),
)

export const getAudioFacts = operation({
  name: 'streaming.getAudioFacts',
  route: 'GET /tracks/:trackId/audio',
  summary:
    'Technical facts on a track: codec, loudness, what it is streamed in; for its owner also the tags of the file.',
  who: 'anyone',
  input: shape({ trackId: id, secret: optional(trackSecret) }),
  output: audioFacts,
  limit: { perMinute: 240 },
  idempotency: 'read',
  refuses: [notReady],

  load: (input, context) => shownTrack(input, context),

  allow: () => true,

  async run({ subject: track, actor }) {
    const { id: trackId, durationMs, contentType, bitrate, sampleRate, channels } = track
    if (durationMs === null) throw notReady()
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
        ? { own: { tags: track.tags ?? {}, resembles: await ownAlike(track), downloadCopy: stateOf(audio) } }
        : {}),
    }
  },
})

function stateOf(audio: TrackAudio | null): 'none' | 'ready' | 'impossible' {
  const copy = audio === null ? undefined : copyOf(audio)
  return copy === undefined ? 'none' : copy === null ? 'impossible' : 'ready'
}

/** Whose else it resembles is for moderators: an artist learns nothing of tracks that others keep to themselves. */
async function ownAlike({ id: trackId, ownerId }: Track): Promise<string[]> {
  const where = { [Op.or]: [{ trackId }, { otherId: trackId }] }
  const matches = await FingerprintMatch.findAll({ where, order: ['trackId', 'otherId'], limit: 100 })
  const ids = matches.map(match => (match.trackId === trackId ? match.otherId : match.trackId))
  if (ids.length === 0) return []
  const alike = await Track.findAll({ where: { id: ids, ownerId, removedAt: null }, attributes: ['id'], order: ['id'] })
  return alike.map(({ id }) => id)
}
