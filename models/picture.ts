import { type CreationOptional, DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

export type PicturePurpose = 'avatar' | 'artwork'

/**
 * `rejected` is the file's fault, `failed` is ours; `replaced` by a later one, `removed` by somebody. What may follow what:
 * skills/pictures/picture-state.ts.
 */
export type PictureState =
  'initiated' | 'uploaded' | 'ready' | 'rejected' | 'failed' | 'aborted' | 'expired' | 'replaced' | 'removed'

/** A file on its way to become somebody's avatar or a track's artwork, and what became of it. */
@Table({ tableName: 'pictures', underscored: true, timestamps: false })
export class Picture extends Model<InferAttributes<Picture>, InferCreationAttributes<Picture>> {
  /** UUIDv4, for it is the secret part of a public address. */
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare id: string

  /** Who announced it. */
  @Column({ type: DataTypes.UUID, allowNull: false })
  declare ownerId: string

  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare purpose: PicturePurpose

  @Column({ type: DataTypes.UUID, allowNull: true })
  declare trackId: CreationOptional<string | null>

  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare state: PictureState

  /** Why it was rejected or failed, in words for people. */
  @Column({ type: DataTypes.JSONB, allowNull: true })
  declare fault: CreationOptional<{ code: string; message: string } | null>

  /** As the person's device calls it: shown, never part of a key or a path. */
  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare fileName: string

  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare contentType: string

  @Column({ type: DataTypes.INTEGER, allowNull: false })
  declare sizeBytes: number

  /** Hex. */
  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare sha256: string

  /** Which bytes were sent: what is under the key later does not matter. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare etag: CreationOptional<string | null>

  /** Of two that were sent for the same place the one with the greater turn was said to be there later. BIGINT: text. */
  @Column({ type: DataTypes.BIGINT, allowNull: true })
  declare turn: CreationOptional<string | null>

  /** The colour that stands for it until it is loaded, `#rrggbb`. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare color: CreationOptional<string | null>

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare createdAt: Date

  /** Until then it waits for its file. */
  @Column({ type: DataTypes.DATE, allowNull: false })
  declare expiresAt: Date

  /** Until then the last presigned URL is good for a PUT. */
  @Column({ type: DataTypes.DATE, allowNull: false })
  declare putExpiresAt: Date

  /** When its file was said to be there. */
  @Column({ type: DataTypes.DATE, allowNull: true })
  declare uploadedAt: CreationOptional<Date | null>

  /** When a later one was shown in its place; null also when the release before did that. */
  @Column({ type: DataTypes.DATE, allowNull: true })
  declare replacedAt: CreationOptional<Date | null>
}
