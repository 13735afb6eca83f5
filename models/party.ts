import { type CreationOptional, DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

export type PartyStatus = 'idle' | 'playing' | 'paused' | 'ended'

/** A listening party: the authority on who hosts it and on what plays when. */
@Table({ tableName: 'parties', underscored: true, timestamps: false })
export class Party extends Model<InferAttributes<Party>, InferCreationAttributes<Party>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare id: string

  /** A member as long as there are any; of an empty party the last host. */
  @Column({ type: DataTypes.UUID, allowNull: false })
  declare hostId: string

  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare title: string

  @Column({ type: DataTypes.INTEGER, allowNull: false })
  declare capacity: number

  @Column({ type: DataTypes.INTEGER, allowNull: false, defaultValue: 0 })
  declare memberCount: CreationOptional<number>

  /** Incremented with every event of the party. */
  @Column({ type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 })
  declare rev: CreationOptional<number>

  @Column({ type: DataTypes.TEXT, allowNull: false, defaultValue: 'idle' })
  declare status: CreationOptional<PartyStatus>

  @Column({ type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 })
  declare timelineRev: CreationOptional<number>

  @Column({ type: DataTypes.UUID, allowNull: true })
  declare itemId: CreationOptional<string | null>

  @Column({ type: DataTypes.UUID, allowNull: true })
  declare trackId: CreationOptional<string | null>

  @Column({ type: DataTypes.INTEGER, allowNull: true })
  declare durationMs: CreationOptional<number | null>

  @Column({ type: DataTypes.INTEGER, allowNull: false, defaultValue: 0 })
  declare posMs: CreationOptional<number>

  /** When the playhead was at `posMs`, in epoch milliseconds of the server. */
  @Column({ type: DataTypes.DOUBLE, allowNull: false })
  declare t0Ms: number

  /** When the current item ends; set while it plays. */
  @Column({ type: DataTypes.DOUBLE, allowNull: true })
  declare endsAtMs: CreationOptional<number | null>

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare createdAt: Date

  @Column({ type: DataTypes.DATE, allowNull: true })
  declare endedAt: CreationOptional<Date | null>
}
