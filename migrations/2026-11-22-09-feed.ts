import { sqlMigration } from './migration'

/** The newest published tracks of one person, for the feeds of those who follow them. */
export const feed = sqlMigration(
  '2026-11-22-09-feed',
  `
  create index tracks_published_of_owner on tracks (owner_id, published_at desc, id desc)
    where removed_at is null and published_at is not null;
  `,
  'drop index tracks_published_of_owner;',
)
