import { sqlMigration } from './migration'

/** Whose else the very same file is. */
export const sameContent = sqlMigration(
  '2026-11-23-24-same-content',
  `create index uploads_of_content on uploads (sha256) where state = 'ready';`,
  'drop index uploads_of_content;',
)
