import { type CreationAttributes, type Model, type ModelStatic, QueryTypes } from 'sequelize'

/**
 * Inserts a row; returns false if one with its key exists. Uses `on conflict do nothing`, because a constraint violation
 * would abort the transaction.
 */
export async function insertIfAbsent<M extends Model>(
  model: ModelStatic<M>,
  values: Partial<CreationAttributes<M>> & Record<string, unknown>,
): Promise<boolean> {
  const names = Object.keys(values)
  const columns = names.map(name => `"${columnOf(model, name)}"`).join(', ')
  const sql = `insert into "${model.tableName}" (${columns}) values (${names.map(name => `:${name}`).join(', ')})
    on conflict do nothing returning 1 as inserted`
  const rows = await model.sequelize?.query(sql, { replacements: values, type: QueryTypes.SELECT })
  return rows !== undefined && rows.length > 0
}

function columnOf(model: ModelStatic<Model>, name: string): string {
  const field = model.getAttributes()[name]?.field
  if (field === undefined) throw new Error(`${model.name} has no attribute ${name}`)
  return field
}
