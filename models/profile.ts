import { type CreationOptional, DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

/** A person. Provisioned on the first call with a new subject. */
@Table({ tableName: 'profiles', underscored: true, timestamps: false })
export class Profile extends Model<InferAttributes<Profile>, InferCreationAttributes<Profile>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare id: string

  /** The `sub` claim of the person's access tokens. */
  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare subject: string

  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare handle: string

  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare displayName: string

  @Column({ type: DataTypes.TEXT, allowNull: false, defaultValue: '' })
  declare bio: CreationOptional<string>

  /** The picture that is shown and its placeholder colour; both or neither. */
  @Column({ type: DataTypes.UUID, allowNull: true })
  declare avatarId: CreationOptional<string | null>

  @Column({ type: DataTypes.TEXT, allowNull: true })
  declare avatarColor: CreationOptional<string | null>

  @Column({ type: DataTypes.INTEGER, allowNull: false, defaultValue: 0 })
  declare followerCount: CreationOptional<number>

  @Column({ type: DataTypes.INTEGER, allowNull: false, defaultValue: 0 })
  declare followingCount: CreationOptional<number>

  /** Incremented with every change of the counts. */
  @Column({ type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 })
  declare countsRev: CreationOptional<number>

  /** Incremented with every other change of the profile. */
  @Column({ type: DataTypes.INTEGER, allowNull: false, defaultValue: 1 })
  declare rev: CreationOptional<number>

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare createdAt: Date
}
