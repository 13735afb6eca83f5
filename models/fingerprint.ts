import { DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

/** Chromaprint fingerprint of a track's first two minutes: finds the same recording in another encoding. */
@Table({ tableName: 'fingerprints', underscored: true, timestamps: false })
export class Fingerprint extends Model<InferAttributes<Fingerprint>, InferCreationAttributes<Fingerprint>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare trackId: string

  @Column({ type: DataTypes.UUID, allowNull: false })
  declare uploadId: string

  /** 32-bit hashes, little-endian, one for each eighth of a second. */
  @Column({ type: DataTypes.BLOB, allowNull: false })
  declare hashes: Buffer

  /** A sample of them, as signed integers, indexed to find candidates. */
  @Column({ type: DataTypes.ARRAY(DataTypes.INTEGER), allowNull: false })
  declare indexedHashes: number[]
}
