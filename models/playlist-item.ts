import { DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

/** A track in a playlist. The same track may be in it more than once. */
@Table({ tableName: 'playlist_items', underscored: true, timestamps: false })
export class PlaylistItem extends Model<InferAttributes<PlaylistItem>, InferCreationAttributes<PlaylistItem>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare id: string

  @Column({ type: DataTypes.UUID, allowNull: false })
  declare playlistId: string

  /** Null once the track is erased: the item keeps its rank. */
  @Column({ type: DataTypes.UUID, allowNull: true })
  declare trackId: string | null

  @Column({ type: DataTypes.UUID, allowNull: true })
  declare addedBy: string | null

  /** Fractional index, compared bytewise: moving an item changes one row. */
  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare rank: string

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare addedAt: Date
}
