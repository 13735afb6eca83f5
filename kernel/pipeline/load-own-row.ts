import { type Model, type ModelStatic } from 'sequelize'
import { type Actor } from './actor'
import { type Context } from './context'
import { refusals } from './refusals'

/**
 * Loads a row that the caller owns, with a row lock on request.
 * @throws `not_found` also for somebody else's row
 */
export async function loadOwnRow<M extends Model & { ownerId: string }>(
  model: ModelStatic<M>,
  id: string,
  { actor }: Pick<Context<Actor>, 'actor'>,
  { lock = false } = {},
): Promise<M> {
  const row = await model.findByPk(id, lock ? { lock: true } : {})
  if (row === null || row.ownerId !== actor.id) throw refusals.notFound()
  return row
}
