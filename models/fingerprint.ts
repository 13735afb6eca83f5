import { DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

/** What a recording is known by, however it was encoded: chromaprint's words for its first two minutes. */
@Table({ tableName: 'fingerprints', underscored: true, timestamps: false })
export class Fingerprint extends Model<InferAttributes<Fingerprint>, InferCreationAttributes<Fingerprint>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare trackId: string

  @Column({ type: DataTypes.UUID, allowNull: false })
  declare uploadId: string

  /** 32 bits each, little-endian. */
  @Column({ type: DataTypes.BLOB, allowNull: false })
  declare words: Buffer

  /** Those of them, signed, that candidates are found by. */
  @Column({ type: DataTypes.ARRAY(DataTypes.INTEGER), allowNull: false })
  declare keyWords: number[]
}
