import { randomUUID } from 'node:crypto'
import { type Client } from 'pg'

export interface Person {
  id: string
  subject: string
}

/** Inserts profiles as the first call of each person would create them. */
export async function makePeople(db: Client, count: number): Promise<Person[]> {
  const people = Array.from({ length: count }, (_, index) => ({ id: randomUUID(), subject: `listener${index}` }))
  await db.query(
    `insert into profiles (id, subject, handle, display_name, created_at)
     select id, subject, subject, subject, now() from jsonb_to_recordset($1::jsonb) as row (id uuid, subject text)`,
    [JSON.stringify(people)],
  )
  await db.query('analyze profiles')
  return people
}

/** Inserts public, playable tracks of one person. */
export async function makeTracks(db: Client, owner: Person, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => randomUUID())
  await db.query(
    `insert into tracks (id, owner_id, title, visibility, state, audio_key, audio_version, content_type, duration_ms,
       created_at, published_at)
     select id::uuid, $2, 'A track', 'public', 'ready', 'audio/none.mp3', id::uuid, 'audio/mpeg', 180000, now(), now()
     from jsonb_array_elements_text($1::jsonb) as id`,
    [JSON.stringify(ids), owner.id],
  )
  return ids
}

/** Inserts public tracks with renditions, which all share the same objects: `keyOf` returns the object key of a file. */
export async function makeStreams(
  db: Client,
  owner: Person,
  count: number,
  renditions: readonly string[],
  keyOf: (name: string) => string,
): Promise<string[]> {
  const ids = await makeTracks(db, owner, count)
  const each = renditions.map(name => ({
    ...{ name, codecs: 'mp4a.40.2', bandwidth: 160_000, averageBandwidth: 160_000, sizeBytes: 1 },
    ...{ playlistKey: keyOf(`${name}.m3u8`), mediaKey: keyOf(`${name}.mp4`) },
  }))
  await db.query(
    `with sent as (
       insert into uploads (id, owner_id, state, file_name, content_type, size_bytes, sha256, visibility, etag, track_id,
         created_at, expires_at, put_url_expires_at)
       select gen_random_uuid(), $2, 'ready', 'a.mp3', 'audio/mpeg', 1, repeat('a', 64), 'public', 'x', id::uuid,
         now(), now(), now()
       from jsonb_array_elements_text($1::jsonb) as id
       returning id, track_id)
     insert into track_audio (track_id, upload_id, loudness_lufs, true_peak_dbtp, manifest_key, renditions)
     select track_id, id, -14, -1, $3, $4::jsonb from sent`,
    [JSON.stringify(ids), owner.id, keyOf('master.m3u8'), JSON.stringify(each)],
  )
  return ids
}

/** Inserts a public playlist. */
export async function makePlaylist(db: Client, owner: Person): Promise<string> {
  const id = randomUUID()
  await db.query(
    `insert into playlists (id, owner_id, title, visibility, created_at, updated_at)
     values ($1, $2, 'A playlist', 'public', now(), now())`,
    [id, owner.id],
  )
  return id
}

/** Inserts a listening party with these members; the first is the host. */
export async function makeParty(db: Client, members: readonly Person[]): Promise<string> {
  const id = randomUUID()
  await db.query(
    `insert into parties (id, host_id, title, capacity, member_count, t0_ms, created_at)
     values ($1, $2, 'A party', 10000, $3, 0, now())`,
    [id, members[0]?.id, members.length],
  )
  await db.query(
    `insert into party_members (party_id, profile_id, role, joined_at)
     select $1, member::uuid, 'listener', now() from jsonb_array_elements_text($2::jsonb) as member`,
    [id, JSON.stringify(members.map(member => member.id))],
  )
  return id
}
