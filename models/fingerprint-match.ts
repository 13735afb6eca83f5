import { DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

/** Two tracks that sound like the same recording. One row for each pair. */
@Table({ tableName: 'fingerprint_matches', underscored: true, timestamps: false })
export class FingerprintMatch extends Model<
  InferAttributes<FingerprintMatch>,
  InferCreationAttributes<FingerprintMatch>
> {
  /** The newer of the two. */
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare trackId: string

  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare olderTrackId: string

  /** Share of differing bits: 0 is the same recording, unrelated ones are near 0.5. */
  @Column({ type: DataTypes.REAL, allowNull: false })
  declare difference: number

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare createdAt: Date
}
