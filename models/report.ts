import { type CreationOptional, DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

export type ReportReason = 'spam' | 'abuse' | 'copyright' | 'illegal' | 'other'
export type ReportOutcome = 'dismissed' | 'upheld'
export type ReportedKind = 'track' | 'comment' | 'profile' | 'playlist'

/** A report to the moderators, and their decision. */
@Table({ tableName: 'reports', underscored: true, timestamps: false })
export class Report extends Model<InferAttributes<Report>, InferCreationAttributes<Report>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare id: string

  /** Null once the account is erased. */
  @Column({ type: DataTypes.UUID, allowNull: true })
  declare reporterId: string | null

  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare subjectKind: ReportedKind

  @Column({ type: DataTypes.UUID, allowNull: false })
  declare subjectId: string

  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare reason: ReportReason

  @Column({ type: DataTypes.TEXT, allowNull: false, defaultValue: '' })
  declare note: CreationOptional<string>

  /** The subject as it was when it was reported, as the view of its kind. */
  @Column({ type: DataTypes.JSONB, allowNull: false })
  declare reportedCopy: Record<string, unknown>

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare createdAt: Date

  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare outcome: CreationOptional<ReportOutcome | null>

  @Column({ type: DataTypes.TEXT, allowNull: false, defaultValue: '' })
  declare resolutionNote: CreationOptional<string>

  @Column({ type: DataTypes.UUID, allowNull: true })
  declare resolvedBy: CreationOptional<string | null>

  @Column({ type: DataTypes.DATE, allowNull: true })
  declare resolvedAt: CreationOptional<Date | null>
}
