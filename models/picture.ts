import { type CreationOptional, DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

export type PicturePurpose = 'avatar' | 'artwork'

/**
 * `ready`: shown; `rejected`: unusable file; `failed`: server error; `replaced`: by a newer picture; `removed`: unset by its owner or
 * a moderator. Transitions: skills/pictures/picture-state.ts.
 */
export type PictureState =
  'initiated' | 'uploaded' | 'ready' | 'rejected' | 'failed' | 'aborted' | 'expired' | 'replaced' | 'removed'

/** The upload of an avatar or of a track's artwork. */
@Table({ tableName: 'pictures', underscored: true, timestamps: false })
export class Picture extends Model<InferAttributes<Picture>, InferCreationAttributes<Picture>> {
  /** UUIDv4: the unguessable part of a public URL. */
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare id: string

  @Column({ type: DataTypes.UUID, allowNull: false })
  declare ownerId: string

  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare purpose: PicturePurpose

  @Column({ type: DataTypes.UUID, allowNull: true })
  declare trackId: CreationOptional<string | null>

  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare state: PictureState

  /** Why it was rejected or failed; the message is for its owner. */
  @Column({ type: DataTypes.JSONB, allowNull: true })
  declare error: CreationOptional<{ code: string; message: string } | null>

  /** As the client sent it: shown, never part of an object key or a path. */
  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare fileName: string

  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare contentType: string

  @Column({ type: DataTypes.INTEGER, allowNull: false })
  declare sizeBytes: number

  /** Hex. */
  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare sha256: string

  /** Pins the bytes that were finalized: a presigned URL may overwrite the object later. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare etag: CreationOptional<string | null>

  /** Order of finalizing: of two pictures for one avatar the greater one wins. BIGINT: the driver returns text. */
  @Column({ type: DataTypes.BIGINT, allowNull: true })
  declare finalizeOrder: CreationOptional<string | null>

  /** Placeholder until it is loaded, `#rrggbb`. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare color: CreationOptional<string | null>

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare createdAt: Date

  /** An initiated picture expires then. */
  @Column({ type: DataTypes.DATE, allowNull: false })
  declare expiresAt: Date

  /** When the last presigned URL expires. */
  @Column({ type: DataTypes.DATE, allowNull: false })
  declare putUrlExpiresAt: Date

  /** When it was finalized. */
  @Column({ type: DataTypes.DATE, allowNull: true })
  declare uploadedAt: CreationOptional<Date | null>

  /** When a later one was shown instead. */
  @Column({ type: DataTypes.DATE, allowNull: true })
  declare replacedAt: CreationOptional<Date | null>
}
