import { type CreationOptional, DataTypes, type InferAttributes, type InferCreationAttributes } from 'sequelize'
import { Column, Model, Table } from 'sequelize-typescript'

/** Somebody in a party, or, when `bannedAt` is set, somebody who may not come back. */
@Table({ tableName: 'party_members', underscored: true, timestamps: false })
export class PartyMember extends Model<InferAttributes<PartyMember>, InferCreationAttributes<PartyMember>> {
  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare partyId: string

  @Column({ type: DataTypes.UUID, primaryKey: true })
  declare profileId: string

  /** What they are when they are not the host, whom the party itself names. */
  @Column({ type: DataTypes.TEXT, allowNull: false })
  declare role: 'co-host' | 'dj' | 'listener'

  @Column({ type: DataTypes.DATE, allowNull: false })
  declare joinedAt: Date

  @Column({ type: DataTypes.DATE, allowNull: true })
  declare bannedAt: CreationOptional<Date | null>
}
