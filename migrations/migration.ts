import { type Sequelize } from 'sequelize'

/** One idea, up and down. Statements must be safe while the previous release still runs: expand first, contract later. */
export interface Migration {
  /** `yyyy-mm-dd-nn-what`: migrations run in the order of their names. */
  name: string
  readonly up: (database: Sequelize) => Promise<unknown>
  readonly down: (database: Sequelize) => Promise<unknown>
}

/** A migration of plain SQL. */
export const sqlMigration = (name: string, up: string, down: string): Migration => ({
  name,
  up: database => database.query(up),
  down: database => database.query(down),
})
