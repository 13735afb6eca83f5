import { sqlMigration } from './migration'

/** Which workers live; who works on an upload and how often that was tried; a second chance for what failed; new sound for an old track. */
export const lifeOfAnUpload = sqlMigration(
  '2026-11-23-22-life-of-an-upload',
  `
  alter table uploads
    -- The run of a worker that may be writing for this upload, until it has ended or was seen to be dead.
    add column lease_by uuid,
    add column lease_until timestamptz,
    add column attempts smallint not null default 0,
    -- A failed upload keeps its file until then.
    add column retry_until timestamptz,
    add column replaces_audio boolean not null default false,
    drop constraint uploads_track_id_key,
    add check (not replaces_audio or track_id is not null);
  create unique index uploads_first_of_track on uploads (track_id) where not replaces_audio;
  create index uploads_of_track on uploads (track_id);
  create index uploads_under_way on uploads (lease_until)
    where state in ('uploaded', 'processing') or lease_by is not null;
  create index uploads_kept on uploads (retry_until) where retry_until is not null;

  -- Those who do jobs, and when each was last seen to live.
  create table workers (
    id text primary key,
    seen_at timestamptz not null
  );

  -- The upload that the audio of a track is of; null on a track that got its audio before this was noted.
  alter table tracks add column audio_version uuid;
  `,
  `
  drop table workers;
  alter table tracks drop column audio_version;
  delete from uploads where replaces_audio;
  drop index uploads_first_of_track;
  drop index uploads_of_track;
  drop index uploads_under_way;
  drop index uploads_kept;
  alter table uploads
    drop column lease_by,
    drop column lease_until,
    drop column attempts,
    drop column retry_until,
    drop column replaces_audio,
    add constraint uploads_track_id_key unique (track_id);
  `,
)
