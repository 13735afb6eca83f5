import { sqlMigration } from './migration'

/** The copy of a track's file that listeners may download: with nothing in it that says who made it, where or on what. */
export const cleanDownloads = sqlMigration(
  '2026-11-23-25-clean-downloads',
  `
  alter table track_audio
    -- Null where there is none, or where none can be made.
    add column download_key text,
    add column download_bytes bigint,
    -- Of which upload that is: not of upload_id after a worker of the release before has replaced the audio.
    add column download_of uuid;
  `,
  `
  alter table track_audio
    drop column download_key,
    drop column download_bytes,
    drop column download_of;
  `,
)
