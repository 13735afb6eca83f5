import {
  type CreationOptional,
  DataTypes,
  type InferAttributes,
  type InferCreationAttributes,
  type NonAttribute,
} from 'sequelize'
import { BelongsTo, Column, Model, Table } from 'sequelize-typescript'
import { Profile } from './profile'

export type Visibility = 'public' | 'followers' | 'unlisted' | 'private'
/** `processing`: no audio yet; `failed`: its file could not be used. */
export type TrackState = 'processing' | 'ready' | 'failed'

@Table({ tableName: 'tracks', underscored: true, timestamps: false })
export class Track extends Model<InferAttributes<Track>, InferCreationAttributes<Track>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare id: string

  @Column({ type: DataTypes.UUID, allowNull: false })
  declare ownerId: string

  @BelongsTo(() => Profile, 'ownerId')
  declare owner?: NonAttribute<Profile>

  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare title: string

  @Column({ type: DataTypes.TEXT, allowNull: false, defaultValue: '' })
  declare description: CreationOptional<string>

  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare genre: CreationOptional<string | null>

  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare visibility: Visibility

  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare state: TrackState

  /** Object key of the uploaded file, once it is stored for good. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare audioKey: CreationOptional<string | null>

  /** The id of the upload that the audio is from; new with every replacement. */
  @Column({ type: DataTypes.UUID, allowNull: true })
  declare audioVersion: CreationOptional<string | null>

  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare contentType: CreationOptional<string | null>

  @Column({ type: DataTypes.INTEGER, allowNull: true })
  declare durationMs: CreationOptional<number | null>

  @Column({ type: DataTypes.INTEGER, allowNull: true })
  declare bitrate: CreationOptional<number | null>

  @Column({ type: DataTypes.INTEGER, allowNull: true })
  declare sampleRate: CreationOptional<number | null>

  @Column({ type: DataTypes.INTEGER, allowNull: true })
  declare channels: CreationOptional<number | null>

  /** Whether listeners may download it. Its owner always may. */
  @Column({ type: DataTypes.BOOLEAN, allowNull: false, defaultValue: false })
  declare isDownloadable: CreationOptional<boolean>

  /** Title, artist, album, ... as the file says: suggestions, which never override what was typed. */
  @Column({ type: DataTypes.JSONB, allowNull: true })
  declare tags: CreationOptional<Record<string, string> | null>

  /** The picture that is shown and its placeholder colour; both or neither. */
  @Column({ type: DataTypes.UUID, allowNull: true })
  declare artworkId: CreationOptional<string | null>

  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare artworkColor: CreationOptional<string | null>

  @Column({ type: DataTypes.INTEGER, allowNull: false, defaultValue: 0 })
  declare likeCount: CreationOptional<number>

  @Column({ type: DataTypes.INTEGER, allowNull: false, defaultValue: 0 })
  declare repostCount: CreationOptional<number>

  @Column({ type: DataTypes.INTEGER, allowNull: false, defaultValue: 0 })
  declare commentCount: CreationOptional<number>

  /** Incremented with every change of the counts. */
  @Column({ type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 })
  declare countsRev: CreationOptional<number>

  /** Incremented with every other change of the track. */
  @Column({ type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 })
  declare rev: CreationOptional<number>

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare createdAt: Date

  /** When it first was ready and visible to followers: the order of feeds. */
  @Column({ type: DataTypes.DATE, allowNull: true })
  declare publishedAt: CreationOptional<Date | null>

  /** When it was or will be released; null for one that never waited. */
  @Column({ type: DataTypes.DATE, allowNull: true })
  declare releaseAt: CreationOptional<Date | null>

  /** The visibility after the release, until which the track is private; null when it does not wait. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare releaseVisibility: CreationOptional<Visibility | null>

  /** Deleted by its owner or a moderator: hidden from everybody. */
  @Column({ type: DataTypes.DATE, allowNull: true })
  declare deletedAt: CreationOptional<Date | null>
}
