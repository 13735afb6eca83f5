import { type CreationOptional, DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'
import { type Visibility } from './track'

/** `rejected` is the file's fault, `failed` is ours. What may follow what: skills/music-upload/upload-state.ts. */
export type UploadState =
  'initiated' | 'uploaded' | 'processing' | 'ready' | 'rejected' | 'failed' | 'aborted' | 'expired'

/** What the worker is about, in the order in which it does it. */
export type UploadStep = 'fetching' | 'probing' | 'drawing' | 'encoding' | 'storing'

/** A file on its way to become a track. */
@Table({ tableName: 'uploads', underscored: true, timestamps: false })
export class Upload extends Model<InferAttributes<Upload>, InferCreationAttributes<Upload>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare id: string

  @Column({ type: DataTypes.UUID, allowNull: false })
  declare ownerId: string

  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare state: UploadState

  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare step: CreationOptional<UploadStep | null>

  /** Per cent. */
  @Column({ type: DataTypes.SMALLINT, allowNull: false, defaultValue: 0 })
  declare progress: CreationOptional<number>

  /** Why it was rejected or failed, in words for the artist. */
  @Column({ type: DataTypes.JSONB, allowNull: true })
  declare fault: CreationOptional<{ code: string; message: string } | null>

  /** As the artist's device calls it: shown, never part of a key or a path. */
  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare fileName: string

  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare contentType: string

  /** BIGINT: the driver gives it as text. */
  @Column({ type: DataTypes.BIGINT, allowNull: false })
  declare sizeBytes: number | string

  /** Hex; null until the worker has hashed a file that came in parts and was announced without. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare sha256: CreationOptional<string | null>

  /** How large its parts are, the last one aside; null when it is sent by one PUT. */
  @Column({ type: DataTypes.INTEGER, allowNull: true })
  declare partBytes: CreationOptional<number | null>

  /** What the store calls the upload of its parts, from the first part on. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare multipartId: CreationOptional<string | null>

  /** A track of the same owner that held the very same file when it was looked at. */
  @Column({ type: DataTypes.UUID, allowNull: true })
  declare duplicateOf: CreationOptional<string | null>

  /** What the artist typed; null leaves it to the file's tags. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare title: CreationOptional<string | null>

  @Column({ type: DataTypes.TEXT, allowNull: false, defaultValue: '' })
  declare description: CreationOptional<string>

  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare genre: CreationOptional<string | null>

  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare visibility: Visibility

  /** The track is its owner's alone until then. */
  @Column({ type: DataTypes.DATE, allowNull: true })
  declare releaseAt: CreationOptional<Date | null>

  @Column({ type: DataTypes.BOOLEAN, allowNull: false, defaultValue: false })
  declare isDownloadable: CreationOptional<boolean>

  /** Which bytes were uploaded: what is under the key later does not matter. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare etag: CreationOptional<string | null>

  @Column({ type: DataTypes.UUID, allowNull: true })
  declare trackId: CreationOptional<string | null>

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare createdAt: Date

  /** Until then it waits for its file. */
  @Column({ type: DataTypes.DATE, allowNull: false })
  declare expiresAt: Date

  /** Until then the last presigned URL is good for a PUT. */
  @Column({ type: DataTypes.DATE, allowNull: false })
  declare putExpiresAt: Date

  /** The run of a worker that may be writing for this upload. */
  @Column({ type: DataTypes.UUID, allowNull: true })
  declare leaseBy: CreationOptional<string | null>

  /** By the clock of the database, which all workers share. */
  @Column({ type: DataTypes.DATE, allowNull: true })
  declare leaseUntil: CreationOptional<Date | null>

  /** How often a worker took it up, those that were told to stop aside. */
  @Column({ type: DataTypes.SMALLINT, allowNull: false, defaultValue: 0 })
  declare attempts: CreationOptional<number>

  /** Until then the file of an upload that failed is kept, and may be tried again. */
  @Column({ type: DataTypes.DATE, allowNull: true })
  declare retryUntil: CreationOptional<Date | null>

  /** New sound for a track that is there already. */
  @Column({ type: DataTypes.BOOLEAN, allowNull: false, defaultValue: false })
  declare replacesAudio: CreationOptional<boolean>
}
