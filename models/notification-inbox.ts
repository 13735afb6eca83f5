import { type CreationOptional, DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

/** The order of a person's notifications, and their read marker, the same on all devices. */
@Table({ tableName: 'notification_inboxes', underscored: true, timestamps: false })
export class NotificationInbox extends Model<
  InferAttributes<NotificationInbox>,
  InferCreationAttributes<NotificationInbox>
> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare profileId: string

  /** Of the latest activity. Each activity gets a later instant than the one before. */
  @Column({ type: DataTypes.DATE, allowNull: false })
  declare latestAt: Date

  @Column({ type: DataTypes.DATE, allowNull: true })
  declare readUntil: CreationOptional<Date | null>
}
