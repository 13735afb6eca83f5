import { DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

/** A person who opened the secret link of a track: may see it while it is unlisted, until the link is reset. */
@Table({ tableName: 'track_link_holders', underscored: true, timestamps: false })
export class TrackLinkHolder extends Model<InferAttributes<TrackLinkHolder>, InferCreationAttributes<TrackLinkHolder>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare trackId: string

  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare profileId: string

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare createdAt: Date
}
