import { type CreationOptional, DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

/** Whether a play counts; all but the first say why it does not. */
export type PlayOutcome =
  'counted' | 'own_track' | 'repeated' | 'too_short' | 'implausible' | 'concurrent' | 'network_limit'

/** One play of a track, from pressing play to the end. */
@Table({ tableName: 'plays', underscored: true, timestamps: false })
export class Play extends Model<InferAttributes<Play>, InferCreationAttributes<Play>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare id: string

  @Column({ type: DataTypes.UUID, allowNull: false })
  declare trackId: string

  /** Null: not signed in. */
  @Column({ type: DataTypes.UUID, allowNull: true })
  declare profileId: string | null

  /** The profile id, or a salted hash of network and program. The same on all devices of a person. */
  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare listenerKey: string

  /** Name of the device, as the client sent it. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare device: CreationOptional<string | null>

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare startedAt: Date

  /** When the client last reported its progress. */
  @Column({ type: DataTypes.DATE, allowNull: false })
  declare reportedAt: Date

  @Column({ type: DataTypes.INTEGER, allowNull: false, defaultValue: 0 })
  declare positionMs: CreationOptional<number>

  /** How long it played, as the client says. */
  @Column({ type: DataTypes.INTEGER, allowNull: false, defaultValue: 0 })
  declare listenedMs: CreationOptional<number>

  /** Of that, what was accepted: a listener hears one thing at a time. */
  @Column({ type: DataTypes.INTEGER, allowNull: false, defaultValue: 0 })
  declare creditedMs: CreationOptional<number>

  /** The play counts from this much accepted time on. */
  @Column({ type: DataTypes.INTEGER, allowNull: false })
  declare thresholdMs: number

  /** The client ended it, or stopped reporting. */
  @Column({ type: DataTypes.BOOLEAN, allowNull: false, defaultValue: false })
  declare ended: CreationOptional<boolean>

  /** Null as long as it may still count. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare outcome: CreationOptional<PlayOutcome | null>

  @Column({ type: DataTypes.DATE, allowNull: true })
  declare decidedAt: CreationOptional<Date | null>
}
