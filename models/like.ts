import { DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

@Table({ tableName: 'likes', underscored: true, timestamps: false })
export class Like extends Model<InferAttributes<Like>, InferCreationAttributes<Like>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare trackId: string

  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare profileId: string

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare createdAt: Date
}
