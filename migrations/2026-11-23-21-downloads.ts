import { sqlMigration } from './migration'

/** Whether listeners may download a track's file. A constant default: no row is written for it. */
export const downloads = sqlMigration(
  '2026-11-23-21-downloads',
  `
  alter table tracks add column is_downloadable boolean not null default false;
  alter table uploads add column is_downloadable boolean not null default false;
  `,
  `
  alter table uploads drop column is_downloadable;
  alter table tracks drop column is_downloadable;
  `,
)
