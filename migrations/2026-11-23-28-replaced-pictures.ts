import { sqlMigration } from './migration'

/** When a picture was replaced, so that its files are known to be left over after a while, whatever became of the job that removes them. */
export const replacedPictures = sqlMigration(
  '2026-11-23-28-replaced-pictures',
  `
  -- Null on one that was replaced by the release before: the hourly sweep fills it in.
  alter table pictures add column replaced_at timestamptz;
  create index pictures_replaced_unnoted on pictures (id) where state = 'replaced' and replaced_at is null;
  `,
  `
  drop index pictures_replaced_unnoted;
  alter table pictures drop column replaced_at;
  `,
)
