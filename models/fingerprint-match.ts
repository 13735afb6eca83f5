import { DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

/** Two tracks that sound like the same recording. */
@Table({ tableName: 'fingerprint_matches', underscored: true, timestamps: false })
export class FingerprintMatch extends Model<
  InferAttributes<FingerprintMatch>,
  InferCreationAttributes<FingerprintMatch>
> {
  /** The one that came later. */
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare trackId: string

  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare otherId: string

  /** The share of bits that differ: 0 is the same, two pieces that have nothing in common are at 0.5. */
  @Column({ type: DataTypes.REAL, allowNull: false })
  declare difference: number

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare createdAt: Date
}
