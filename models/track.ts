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
/** `processing` until its audio was understood; `failed` when it could not be. */
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

  /** Where the audio lies in the bucket, once it is there for good. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare audioKey: CreationOptional<string | null>

  /** The upload that it is of; null when that was not noted yet. */
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

  /** May listeners download its file? Its owner always may. */
  @Column({ type: DataTypes.BOOLEAN, allowNull: false, defaultValue: false })
  declare isDownloadable: CreationOptional<boolean>

  /** Title, artist, album and the like, as the file itself says: suggestions, never overriding what was typed. */
  @Column({ type: DataTypes.JSONB, allowNull: true })
  declare tags: CreationOptional<Record<string, string> | null>

  /** The picture that is shown, and the colour that stands for it until it is loaded; both or neither. */
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

  /** Grows with every change of the counts. */
  @Column({ type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 })
  declare countsRev: CreationOptional<number>

  /** Grows with every change of the track, its counts aside. */
  @Column({ type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 })
  declare rev: CreationOptional<number>

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare createdAt: Date

  /** When it was first there for followers: ready, and public or for them. */
  @Column({ type: DataTypes.DATE, allowNull: true })
  declare publishedAt: CreationOptional<Date | null>

  /** When it was, or is to be, released; null for one that never waited. */
  @Column({ type: DataTypes.DATE, allowNull: true })
  declare releaseAt: CreationOptional<Date | null>

  /** While it waits for its release it is private, and this is what it becomes; else null. */
  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare releaseAs: CreationOptional<Visibility | null>

  /** Taken away by its owner or a moderator: nobody sees it any more. */
  @Column({ type: DataTypes.DATE, allowNull: true })
  declare removedAt: CreationOptional<Date | null>
}
