import { newId } from '../kernel/pipeline/new-id'
import { Track, TrackLinkHolder } from '../models'

/** Creates a track that is ready, as if it had been uploaded and processed. */
export async function makeTrack(ownerId: string, fields: Partial<Track['_creationAttributes']> = {}): Promise<Track> {
  const now = new Date()
  const { id = newId(now) } = fields
  return Track.create({
    id,
    ownerId,
    title: 'A track',
    visibility: 'public',
    state: 'ready',
    audioKey: `audio/${id}/${id}.mp3`,
    audioVersion: fields.audioKey === null ? null : id,
    contentType: 'audio/mpeg',
    durationMs: 180_000,
    createdAt: now,
    publishedAt: now,
    ...fields,
  })
}

/** Lets a profile access a track, as if it had opened the track's secret link. */
export const makeTrackLinkHolder = (trackId: string, profileId: string): Promise<TrackLinkHolder> =>
  TrackLinkHolder.create({ trackId, profileId, createdAt: new Date() })
