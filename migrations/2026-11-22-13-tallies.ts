import { sqlMigration } from './migration'

/**
 * Changes of counts that wait to be added up. Only ever inserted, and taken away by whoever adds them up: rows come and go
 * all the time, so that the table is swept often.
 */
export const tallies = sqlMigration(
  '2026-11-22-13-tallies',
  `
  create table tally_changes (
    seq bigint generated always as identity primary key,
    tally text not null,
    target_id uuid not null,
    change jsonb not null,
    at timestamptz not null
  ) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
  create index tally_changes_of_target on tally_changes (target_id, tally, seq);
  `,
  'drop table tally_changes;',
)
