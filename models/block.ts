import { DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

@Table({ tableName: 'blocks', underscored: true, timestamps: false })
export class Block extends Model<InferAttributes<Block>, InferCreationAttributes<Block>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare blockerId: string

  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare blockedId: string

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare createdAt: Date
}
