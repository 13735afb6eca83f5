import { newId } from '../kernel/ids'
import { Track, TrackGuest } from '../models'

/** A track that is there and ready, as if it had been uploaded and processed. */
export async function makeTrack(ownerId: string, wish: Partial<Track['_creationAttributes']> = {}): Promise<Track> {
  const now = new Date()
  const { id = newId(now) } = wish
  return Track.create({
    id,
    ownerId,
    title: 'A track',
    visibility: 'public',
    state: 'ready',
    audioKey: `audio/${id}/${id}.mp3`,
    contentType: 'audio/mpeg',
    durationMs: 180_000,
    createdAt: now,
    publishedAt: now,
    ...wish,
  })
}

/** Somebody who has come by the secret link of a track. */
export const makeGuest = (trackId: string, profileId: string): Promise<TrackGuest> =>
  TrackGuest.create({ trackId, profileId, createdAt: new Date() })
