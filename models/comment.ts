import {
  type CreationOptional,
  DataTypes,
  type InferAttributes,
  type InferCreationAttributes,
  type NonAttribute,
} from 'sequelize'
import { BelongsTo, Column, Model, Table } from 'sequelize-typescript'
import { Profile } from './profile'

@Table({ tableName: 'comments', underscored: true, timestamps: false })
export class Comment extends Model<InferAttributes<Comment>, InferCreationAttributes<Comment>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare id: string

  @Column({ type: DataTypes.UUID, allowNull: false })
  declare trackId: string

  @Column({ type: DataTypes.UUID, allowNull: false })
  declare authorId: string

  @BelongsTo(() => Profile, 'authorId')
  declare author?: NonAttribute<Profile>

  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare body: string

  /** The moment of the track that it is about. */
  @Column({ type: DataTypes.INTEGER, allowNull: false })
  declare positionMs: number

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare createdAt: Date

  /** Deleted by its author, the artist or a moderator: hidden from everybody. */
  @Column({ type: DataTypes.DATE, allowNull: true })
  declare deletedAt: CreationOptional<Date | null>
}
