import { DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

@Table({ tableName: 'follows', underscored: true, timestamps: false })
export class Follow extends Model<InferAttributes<Follow>, InferCreationAttributes<Follow>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare followerId: string

  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare followeeId: string

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare createdAt: Date
}
