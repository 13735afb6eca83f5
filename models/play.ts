import { type CreationOptional, DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

/** What became of a play; all but the first say why it does not count. */
export type PlayOutcome =
  'counted' | 'own_track' | 'repeated' | 'too_short' | 'implausible' | 'concurrent' | 'network_limit'

/** Somebody listening to a track, from their pressing play until they are done with it. */
@Table({ tableName: 'plays', underscored: true, timestamps: false })
export class Play extends Model<InferAttributes<Play>, InferCreationAttributes<Play>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare id: string

  @Column({ type: DataTypes.UUID, allowNull: false })
  declare trackId: string

  /** Null for whoever is not signed in. */
  @Column({ type: DataTypes.UUID, allowNull: true })
  declare profileId: string | null

  /** The same for one person on all their devices; without a profile, what it was called on the day of its opening. */
  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare listener: string

  /** As the client calls it. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare device: CreationOptional<string | null>

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare openedAt: Date

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare toldAt: Date

  @Column({ type: DataTypes.INTEGER, allowNull: false, defaultValue: 0 })
  declare positionMs: CreationOptional<number>

  /** As the client says. */
  @Column({ type: DataTypes.INTEGER, allowNull: false, defaultValue: 0 })
  declare listenedMs: CreationOptional<number>

  /** Of that, what the listener heard in time of its own; null where only the release before has told of it. */
  @Column({ type: DataTypes.INTEGER, allowNull: true })
  declare heardMs: CreationOptional<number | null>

  @Column({ type: DataTypes.INTEGER, allowNull: false })
  declare thresholdMs: number

  /** The client said that it is done. */
  @Column({ type: DataTypes.BOOLEAN, allowNull: false, defaultValue: false })
  declare isOver: CreationOptional<boolean>

  /** Null as long as it may still count. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare outcome: CreationOptional<PlayOutcome | null>

  @Column({ type: DataTypes.DATE, allowNull: true })
  declare decidedAt: CreationOptional<Date | null>
}
