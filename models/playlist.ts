import {
  type CreationOptional,
  DataTypes,
  type InferAttributes,
  type InferCreationAttributes,
  type NonAttribute,
} from 'sequelize'
import { Column, HasMany, Model, Table } from 'sequelize-typescript'
import { PlaylistItem } from './playlist-item'

export type PlaylistVisibility = 'public' | 'unlisted' | 'private'

@Table({ tableName: 'playlists', underscored: true, timestamps: false })
export class Playlist extends Model<InferAttributes<Playlist>, InferCreationAttributes<Playlist>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare id: string

  @Column({ type: DataTypes.UUID, allowNull: false })
  declare ownerId: string

  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare title: string

  @Column({ type: DataTypes.TEXT, allowNull: false, defaultValue: '' })
  declare description: CreationOptional<string>

  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare visibility: PlaylistVisibility

  /** Incremented with every change of the playlist or its items; each has its event. */
  @Column({ type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 })
  declare rev: CreationOptional<number>

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare createdAt: Date

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare updatedAt: Date

  /** Deleted: hidden from everybody. */
  @Column({ type: DataTypes.DATE, allowNull: true })
  declare deletedAt: CreationOptional<Date | null>

  @HasMany(() => PlaylistItem, 'playlistId')
  declare items?: NonAttribute<PlaylistItem[]>
}
