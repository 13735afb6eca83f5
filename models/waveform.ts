import { type CreationOptional, DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

/** What a track looks like: its loudest moments in a row of equal stretches. */
@Table({ tableName: 'waveforms', underscored: true, timestamps: false })
export class Waveform extends Model<InferAttributes<Waveform>, InferCreationAttributes<Waveform>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare trackId: string

  /** One byte a peak, 0 to 255. 800 of them: what the release before `fine` reads. */
  @Column({ type: DataTypes.BLOB, allowNull: false })
  declare peaks: Buffer

  /** The same in four times as many; null for a track of before. */
  @Column({ type: DataTypes.BLOB, allowNull: true })
  declare fine: CreationOptional<Buffer | null>

  /** Whose sound it shows; null for a track of before. */
  @Column({ type: DataTypes.UUID, allowNull: true })
  declare uploadId: CreationOptional<string | null>
}
