import { DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

/** A handle that was given up: it redirects to its owner until somebody else takes it. */
@Table({ tableName: 'handle_redirects', underscored: true, timestamps: false })
export class HandleRedirect extends Model<InferAttributes<HandleRedirect>, InferCreationAttributes<HandleRedirect>> {
  /** In lower case. */
  @Column({ type: DataTypes.TEXT, primaryKey: true })
  declare handle: string

  @Column({ type: DataTypes.UUID, allowNull: false })
  declare profileId: string

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare releasedAt: Date
}
