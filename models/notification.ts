import { type CreationOptional, DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

export const notificationKinds = ['liked', 'reposted', 'commented', 'followed', 'published'] as const
export type NotificationKind = (typeof notificationKinds)[number]

/** "Ann and 3 others liked your track": what some people did to one target, grouped until it is read. */
@Table({ tableName: 'notifications', underscored: true, timestamps: false })
export class Notification extends Model<InferAttributes<Notification>, InferCreationAttributes<Notification>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare id: string

  @Column({ type: DataTypes.UUID, allowNull: false })
  declare recipientId: string

  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare kind: NotificationKind

  /** The track, the comment, or for a follow the recipient. */
  @Column({ type: DataTypes.UUID, allowNull: false })
  declare targetId: string

  @Column({ type: DataTypes.UUID, allowNull: true })
  declare trackId: CreationOptional<string | null>

  @Column({ type: DataTypes.UUID, allowNull: true })
  declare commentId: CreationOptional<string | null>

  /** Actors that did not withdraw. A notification with 0 is not shown. */
  @Column({ type: DataTypes.INTEGER, allowNull: false })
  declare actorCount: number

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare latestAt: Date

  @Column({ type: DataTypes.BOOLEAN, allowNull: false, defaultValue: false })
  declare isRead: CreationOptional<boolean>
}
