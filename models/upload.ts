import { type CreationOptional, DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'
import { type Visibility } from './track'

/** `rejected`: unusable file; `failed`: server error, may be retried. Transitions: skills/music-upload/rules.ts. */
export type UploadState =
  'initiated' | 'uploaded' | 'processing' | 'ready' | 'rejected' | 'failed' | 'aborted' | 'expired'

/** The steps of processing, in their order. */
export type UploadStep = 'downloading' | 'probing' | 'waveform' | 'encoding' | 'storing'

/** The upload of an audio file, for a new track or to replace the audio of one. */
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

  /** Why it was rejected or failed; the message is for the artist. */
  @Column({ type: DataTypes.JSONB, allowNull: true })
  declare error: CreationOptional<{ code: string; message: string } | null>

  /** As the client sent it: shown, never part of an object key or a path. */
  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare fileName: string

  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare contentType: string

  /** BIGINT: the driver returns text. */
  @Column({ type: DataTypes.BIGINT, allowNull: false })
  declare sizeBytes: number | string

  /** Hex; null for a file sent in parts, until a worker has hashed it. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare sha256: CreationOptional<string | null>

  /** Size of its parts, except the last one; null: sent by one PUT. */
  @Column({ type: DataTypes.INTEGER, allowNull: true })
  declare partBytes: CreationOptional<number | null>

  /** Id of the S3 multipart upload, from the first part on. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare multipartId: CreationOptional<string | null>

  /** A track of the same owner with the same bytes. */
  @Column({ type: DataTypes.UUID, allowNull: true })
  declare duplicateOf: CreationOptional<string | null>

  /** Null: taken from the file's tags. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare title: CreationOptional<string | null>

  @Column({ type: DataTypes.TEXT, allowNull: false, defaultValue: '' })
  declare description: CreationOptional<string>

  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare genre: CreationOptional<string | null>

  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare visibility: Visibility

  /** The track is private until then. */
  @Column({ type: DataTypes.DATE, allowNull: true })
  declare releaseAt: CreationOptional<Date | null>

  @Column({ type: DataTypes.BOOLEAN, allowNull: false, defaultValue: false })
  declare isDownloadable: CreationOptional<boolean>

  /** Pins the bytes that were finalized: a presigned URL may overwrite the object later. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare etag: CreationOptional<string | null>

  @Column({ type: DataTypes.UUID, allowNull: true })
  declare trackId: CreationOptional<string | null>

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare createdAt: Date

  /** An initiated upload expires then. */
  @Column({ type: DataTypes.DATE, allowNull: false })
  declare expiresAt: Date

  /** When the last presigned URL expires. */
  @Column({ type: DataTypes.DATE, allowNull: false })
  declare putUrlExpiresAt: Date

  /** The worker run that processes it and may write for it. */
  @Column({ type: DataTypes.UUID, allowNull: true })
  declare leaseRunId: CreationOptional<string | null>

  /** By the clock of the database. Another worker takes over then. */
  @Column({ type: DataTypes.DATE, allowNull: true })
  declare leaseUntil: CreationOptional<Date | null>

  /** How often processing was begun, not counting workers that were told to stop. */
  @Column({ type: DataTypes.SMALLINT, allowNull: false, defaultValue: 0 })
  declare attempts: CreationOptional<number>

  /** The file of a failed upload is kept until then for a retry. */
  @Column({ type: DataTypes.DATE, allowNull: true })
  declare retryUntil: CreationOptional<Date | null>

  /** Replaces the audio of an existing track. */
  @Column({ type: DataTypes.BOOLEAN, allowNull: false, defaultValue: false })
  declare replacesAudio: CreationOptional<boolean>
}
