import { type CreationOptional, DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

/** One quality of a track's sound: a fragmented MP4 in one file, and the HLS playlist that divides it into byte ranges. */
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

/** What was made of a track's sound besides the file itself. Swapped whole when the audio is replaced. */
@Table({ tableName: 'track_audio', underscored: true, timestamps: false })
export class TrackAudio extends Model<InferAttributes<TrackAudio>, InferCreationAttributes<TrackAudio>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare trackId: string

  @Column({ type: DataTypes.UUID, allowNull: false })
  declare uploadId: string

  /** Of the file itself, as ffmpeg calls it. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare codec: CreationOptional<string | null>

  /** Integrated, EBU R128; null when it is silent. */
  @Column({ type: DataTypes.REAL, allowNull: true })
  declare loudnessLufs: CreationOptional<number | null>

  @Column({ type: DataTypes.REAL, allowNull: true })
  declare truePeakDbtp: CreationOptional<number | null>

  /** The HLS multivariant playlist; all that it refers to lies beside it, by relative names. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare manifestKey: CreationOptional<string | null>

  @Column({ type: DataTypes.JSONB, allowNull: false, defaultValue: [] })
  declare renditions: CreationOptional<Rendition[]>

  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare previewKey: CreationOptional<string | null>

  /** The file without its tags, which others than its owner may download; null where there is none, or none can be made. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare downloadKey: CreationOptional<string | null>

  /** Of that copy; read as text. */
  @Column({ type: DataTypes.BIGINT, allowNull: true })
  declare downloadBytes: CreationOptional<string | number | null>

  /** The upload that the copy is of, or that none can be made of. Of another than `uploadId` nothing is known. */
  @Column({ type: DataTypes.UUID, allowNull: true })
  declare downloadOf: CreationOptional<string | null>
}
