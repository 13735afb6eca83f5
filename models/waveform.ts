import { DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

/** The waveform of a track's audio: the loudest moment of each of up to 3,200 equal parts. */
@Table({ tableName: 'waveforms', underscored: true, timestamps: false })
export class Waveform extends Model<InferAttributes<Waveform>, InferCreationAttributes<Waveform>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare trackId: string

  /** Of the audio that it shows. */
  @Column({ type: DataTypes.UUID, allowNull: false })
  declare uploadId: string

  /** One byte for each peak, 0 to 255. */
  @Column({ type: DataTypes.BLOB, allowNull: false })
  declare peaks: Buffer
}
