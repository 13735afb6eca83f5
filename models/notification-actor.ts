import { type CreationOptional, DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

@Table({ tableName: 'notification_actors', underscored: true, timestamps: false })
export class NotificationActor extends Model<
  InferAttributes<NotificationActor>,
  InferCreationAttributes<NotificationActor>
> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare notificationId: string

  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare actorId: string

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare at: Date

  /** Undone (unliked, unfollowed, ...) before it was read. */
  @Column({ type: DataTypes.BOOLEAN, allowNull: false, defaultValue: false })
  declare withdrawn: CreationOptional<boolean>

  /** Cool-down: the same actor doing the same again before then does not notify. */
  @Column({ type: DataTypes.DATE, allowNull: false })
  declare coolDownUntil: Date
}
