import { DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

@Table({ tableName: 'reposts', underscored: true, timestamps: false })
export class Repost extends Model<InferAttributes<Repost>, InferCreationAttributes<Repost>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare trackId: string

  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare profileId: string

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare createdAt: Date
}
