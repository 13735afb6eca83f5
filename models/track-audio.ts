import { type CreationOptional, DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

/** One quality of a track's audio: a fragmented MP4 in one file, and the HLS playlist that divides it into byte ranges. */
export interface Rendition {
  /** `aac-160`: codec and kbit/s. */
  name: string
  /** As RFC 6381 has it: `mp4a.40.2`. */
  codecs: string
  /** Bits per second, at most and on average. */
  bandwidth: number
  averageBandwidth: number
  playlistKey: string
  mediaKey: string
  sizeBytes: number
}

/** What was made of a track's audio. The row is replaced with the audio. */
@Table({ tableName: 'track_audio', underscored: true, timestamps: false })
export class TrackAudio extends Model<InferAttributes<TrackAudio>, InferCreationAttributes<TrackAudio>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare trackId: string

  @Column({ type: DataTypes.UUID, allowNull: false })
  declare uploadId: string

  /** Of the uploaded file, as ffmpeg calls it. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare codec: CreationOptional<string | null>

  /** Integrated, EBU R128; null when it is silent. */
  @Column({ type: DataTypes.REAL, allowNull: true })
  declare loudnessLufs: CreationOptional<number | null>

  @Column({ type: DataTypes.REAL, allowNull: true })
  declare truePeakDbtp: CreationOptional<number | null>

  /** Object key of the HLS multivariant playlist. What it refers to lies beside it, by relative names. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare manifestKey: CreationOptional<string | null>

  @Column({ type: DataTypes.JSONB, allowNull: false, defaultValue: [] })
  declare renditions: CreationOptional<Rendition[]>

  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare previewKey: CreationOptional<string | null>

  /** A copy of the file without its tags, for downloads by others than the artist; null: none yet, or none can be made. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare downloadKey: CreationOptional<string | null>

  /** Size of that copy. BIGINT: the driver returns text. */
  @Column({ type: DataTypes.BIGINT, allowNull: true })
  declare downloadBytes: CreationOptional<string | number | null>

  /** `uploadId` once the copy was made or found impossible; null as long as nobody has tried. */
  @Column({ type: DataTypes.UUID, allowNull: true })
  declare downloadUploadId: CreationOptional<string | null>
}
