import { type CreationOptional, DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

/** A track in the queue of a party. */
@Table({ tableName: 'party_items', underscored: true, timestamps: false })
export class PartyItem extends Model<InferAttributes<PartyItem>, InferCreationAttributes<PartyItem>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare id: string

  @Column({ type: DataTypes.UUID, allowNull: false })
  declare partyId: string

  @Column({ type: DataTypes.UUID, allowNull: false })
  declare trackId: string

  @Column({ type: DataTypes.UUID, allowNull: false })
  declare addedBy: string

  @Column({ type: DataTypes.INTEGER, allowNull: false })
  declare durationMs: number

  /** Position among those that wait. */
  @Column({ type: DataTypes.INTEGER, allowNull: false })
  declare queuePosition: number

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare addedAt: Date

  /** When it left the queue, to be played or removed. */
  @Column({ type: DataTypes.DATE, allowNull: true })
  declare leftQueueAt: CreationOptional<Date | null>
}
