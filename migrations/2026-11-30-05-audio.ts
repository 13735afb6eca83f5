import { sqlMigration } from './migration'

/** Uploads of audio files, and what the workers make of them. */
export const audio = sqlMigration(
  '2026-11-30-05-audio',
  `
  create table uploads (
    id uuid primary key,
    owner_id uuid not null references profiles on delete cascade,
    -- Made when the upload is finalized; known from the start where the upload replaces the audio of a track.
    track_id uuid references tracks on delete cascade,
    replaces_audio boolean not null default false,

    -- rejected: the file is unusable; failed: an error of the server, may be retried; aborted: by the artist; expired: never sent.
    state text not null check (state in
      ('initiated', 'uploaded', 'processing', 'ready', 'rejected', 'failed', 'aborted', 'expired')),
    step text check (step in ('downloading', 'probing', 'waveform', 'encoding', 'storing')),
    progress smallint not null default 0 check (progress between 0 and 100),
    -- {code, message}
    error jsonb,

    file_name text not null check (length(file_name) between 1 and 255),
    content_type text not null,
    size_bytes bigint not null check (size_bytes > 0),
    -- Null for a file sent in parts, until a worker has hashed it.
    sha256 text check (sha256 ~ '^[0-9a-f]{64}$'),
    -- Size of a part, at least 5 MiB as S3 demands; null: sent by one PUT.
    part_bytes integer check (part_bytes >= 5242880),
    -- Of the S3 multipart upload, from the first part on.
    multipart_id text check (multipart_id is null or part_bytes is not null),
    -- Pins the bytes that were finalized: presigned URLs may overwrite the object later.
    etag text,
    -- A track of the same owner with the same bytes.
    duplicate_of uuid references tracks on delete set null,

    -- Given to the new track.
    title text check (length(title) between 1 and 200),
    description text not null default '' check (length(description) <= 5000),
    genre text check (length(genre) between 1 and 60),
    visibility text not null check (visibility in ('public', 'followers', 'unlisted', 'private')),
    release_at timestamptz,
    is_downloadable boolean not null default false,

    created_at timestamptz not null,
    -- An initiated upload expires then.
    expires_at timestamptz not null,
    -- When the last presigned URL expires.
    put_url_expires_at timestamptz not null,
    -- The worker run that processes it. Another one takes over when the lease has run out (clock of the database).
    lease_run_id uuid,
    lease_until timestamptz,
    attempts smallint not null default 0,
    -- The file of a failed upload is kept until then for a retry.
    retry_until timestamptz,

    check (state in ('initiated', 'aborted', 'expired') or (etag is not null and track_id is not null)),
    check ((state in ('rejected', 'failed')) = (error is not null)),
    check (not replaces_audio or track_id is not null)
  );
  create index uploads_of_owner on uploads (owner_id, id desc);
  create index uploads_of_track on uploads (track_id);
  create unique index uploads_initial_of_track on uploads (track_id) where not replaces_audio;
  create index uploads_of_owner_by_sha256 on uploads (owner_id, sha256) where state = 'ready';
  create index uploads_by_sha256 on uploads (sha256) where state = 'ready';
  create index uploads_by_duplicate_of on uploads (duplicate_of) where duplicate_of is not null;
  create index uploads_initiated on uploads (expires_at) where state = 'initiated';
  create index uploads_in_progress on uploads (lease_until)
    where state in ('uploaded', 'processing') or lease_run_id is not null;
  create index uploads_retryable on uploads (retry_until) where retry_until is not null;

  -- What was made of a track's audio. The row is replaced with the audio.
  create table track_audio (
    track_id uuid primary key references tracks on delete cascade,
    upload_id uuid not null references uploads on delete cascade,
    codec text,
    -- EBU R128; null for silence.
    loudness_lufs real,
    true_peak_dbtp real,
    -- Object key of the HLS multivariant playlist, and the renditions it lists.
    manifest_key text,
    renditions jsonb not null default '[]',
    preview_key text,
    -- A copy without tags, for downloads by others than the artist. \`download_upload_id\` is the upload it was tried for: null
    -- as long as nobody has tried; with a null key no copy can be made.
    download_key text,
    download_bytes bigint,
    download_upload_id uuid
  );
  create index track_audio_of_upload on track_audio (upload_id);

  create table waveforms (
    track_id uuid primary key references tracks on delete cascade,
    upload_id uuid not null,
    -- One byte for each of 3,200 peaks, 0 to 255. Coarser waveforms are computed from it.
    peaks bytea not null check (length(peaks) between 1 and 10000)
  );

  -- Chromaprint fingerprints of the first two minutes, to find the same recording in another encoding.
  create table fingerprints (
    track_id uuid primary key references tracks on delete cascade,
    upload_id uuid not null references uploads on delete cascade,
    -- 32-bit hashes, little-endian, one for each eighth of a second.
    hashes bytea not null,
    -- A sample of them, indexed to find candidates.
    indexed_hashes int[] not null
  );
  create index fingerprints_by_hash on fingerprints using gin (indexed_hashes);
  create index fingerprints_of_upload on fingerprints (upload_id);

  -- Pairs of tracks that sound alike; one row for each pair.
  create table fingerprint_matches (
    -- The newer of the two.
    track_id uuid not null references tracks on delete cascade,
    older_track_id uuid not null references tracks on delete cascade,
    -- Share of differing bits: 0 is the same recording, unrelated ones are near 0.5.
    difference real not null,
    created_at timestamptz not null,
    primary key (track_id, older_track_id),
    check (track_id <> older_track_id)
  );
  create index fingerprint_matches_of_older_track on fingerprint_matches (older_track_id);
  `,
  'drop table fingerprint_matches, fingerprints, waveforms, track_audio, uploads;',
)
