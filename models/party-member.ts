import { type CreationOptional, DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

/** A member of a party; with `bannedAt`, a former one who may not come back. */
@Table({ tableName: 'party_members', underscored: true, timestamps: false })
export class PartyMember extends Model<InferAttributes<PartyMember>, InferCreationAttributes<PartyMember>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare partyId: string

  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare profileId: string

  /** The role of a member who is not the host. The host is in `Party.hostId`. */
  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare role: 'co-host' | 'dj' | 'listener'

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare joinedAt: Date

  @Column({ type: DataTypes.DATE, allowNull: true })
  declare bannedAt: CreationOptional<Date | null>
}
