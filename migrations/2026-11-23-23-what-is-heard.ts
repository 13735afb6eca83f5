import { sqlMigration } from './migration'

/** What listening tells besides loudness: finer waveforms, which file they show, and which recordings resemble each other. */
export const whatIsHeard = sqlMigration(
  '2026-11-23-23-what-is-heard',
  `
  alter table uploads drop constraint uploads_step_check;
  alter table uploads add constraint uploads_step_check
    check (step in ('fetching', 'probing', 'drawing', 'encoding', 'storing')) not valid;
  alter table waveforms
    add column fine bytea,
    add column upload_id uuid;
  alter table track_audio add column codec text;

  create table fingerprints (
    track_id uuid primary key references tracks on delete cascade,
    upload_id uuid not null references uploads on delete cascade,
    -- Chromaprint's words, little-endian, an eighth of a second each.
    words bytea not null,
    -- Those of them that candidates are found by.
    key_words int[] not null
  );
  create index fingerprints_key_words on fingerprints using gin (key_words);
  create index fingerprints_upload on fingerprints (upload_id);

  create table fingerprint_matches (
    -- The one that came later.
    track_id uuid not null references tracks on delete cascade,
    other_id uuid not null references tracks on delete cascade,
    -- The share of bits that differ.
    difference real not null,
    created_at timestamptz not null,
    primary key (track_id, other_id),
    check (track_id <> other_id)
  );
  create index fingerprint_matches_other on fingerprint_matches (other_id);
  `,
  `
  drop table fingerprint_matches;
  drop table fingerprints;
  alter table track_audio drop column codec;
  alter table waveforms drop column upload_id, drop column fine;
  update uploads set step = 'drawing' where step = 'encoding';
  alter table uploads drop constraint uploads_step_check;
  alter table uploads add constraint uploads_step_check
    check (step in ('fetching', 'probing', 'drawing', 'storing'));
  `,
)
