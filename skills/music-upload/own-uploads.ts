import { Op } from 'sequelize'
import { type Context } from '../../kernel/context'
import { Upload } from '../../models'

/** How many uploads of a person wait for their file. */
export const countPending = (ownerId: string, now: Date): Promise<number> =>
  Upload.count({ where: { ownerId, state: 'initiated', expiresAt: { [Op.gt]: now } } })

/** The newest track of a person that was made of the very same bytes. */
export async function contentAlreadyThere(
  ownerId: string,
  sha256: string,
  { world }: Pick<Context, 'world'>,
): Promise<string | null> {
  const [known] = await world.db.query<{ id: string }>(
    `select track.id from uploads upload join tracks track on track.id = upload.track_id
     where upload.owner_id = :ownerId and upload.sha256 = :sha256 and upload.state = 'ready' and track.removed_at is null
     order by track.created_at desc limit 1`,
    { ownerId, sha256 },
  )
  return known?.id ?? null
}
