import { sqlMigration } from './migration'

/** What was made of a track's sound besides the file itself: renditions to stream, how loud it is. */
export const trackAudio = sqlMigration(
  '2026-11-23-17-track-audio',
  `
  create table track_audio (
    track_id uuid primary key references tracks on delete cascade,
    -- Of which file: with the audio replaced, all of the row is.
    upload_id uuid not null references uploads on delete cascade,
    loudness_lufs real,
    true_peak_dbtp real,
    manifest_key text,
    renditions jsonb not null default '[]',
    preview_key text
  );
  create index track_audio_upload on track_audio (upload_id);
  `,
  'drop table track_audio;',
)
