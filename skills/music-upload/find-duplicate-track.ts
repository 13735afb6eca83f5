import { type Context } from '../../kernel/pipeline/context'

/** The newest track of a person whose present audio is a byte-identical file. */
export async function findDuplicateTrack(
  ownerId: string,
  sha256: string,
  { app }: Pick<Context, 'app'>,
): Promise<string | null> {
  const [duplicate] = await app.db.query<{ id: string }>(
    `select track.id from uploads upload join tracks track on track.id = upload.track_id
     where upload.owner_id = :ownerId and upload.sha256 = :sha256 and upload.state = 'ready' and track.deleted_at is null
       and upload.id = track.audio_version
     order by track.created_at desc limit 1`,
    { ownerId, sha256 },
  )
  return duplicate?.id ?? null
}
