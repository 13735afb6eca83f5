import { type CreationOptional, DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

/** Where a person's notifications arrive, in one order, and how far they have read: one marker for all their devices. */
@Table({ tableName: 'inboxes', underscored: true, timestamps: false })
export class Inbox extends Model<InferAttributes<Inbox>, InferCreationAttributes<Inbox>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare profileId: string

  /** Of the latest activity; each next one is later. */
  @Column({ type: DataTypes.DATE, allowNull: false })
  declare latestAt: Date

  @Column({ type: DataTypes.DATE, allowNull: true })
  declare readUntil: CreationOptional<Date | null>
}
