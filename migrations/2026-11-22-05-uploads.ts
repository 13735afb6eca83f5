import { sqlMigration } from './migration'

export const uploads = sqlMigration(
  '2026-11-22-05-uploads',
  `
  create table uploads (
    id uuid primary key,
    owner_id uuid not null references profiles on delete cascade,
    state text not null check (state in
      ('initiated', 'uploaded', 'processing', 'ready', 'rejected', 'failed', 'aborted', 'expired')),
    step text check (step in ('fetching', 'probing', 'drawing', 'storing')),
    progress smallint not null default 0 check (progress between 0 and 100),
    fault jsonb,
    file_name text not null check (length(file_name) between 1 and 255),
    content_type text not null,
    size_bytes bigint not null check (size_bytes > 0),
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    title text check (length(title) between 1 and 200),
    description text not null default '' check (length(description) <= 5000),
    genre text check (length(genre) between 1 and 60),
    visibility text not null check (visibility in ('public', 'unlisted', 'private')),
    etag text,
    track_id uuid unique references tracks on delete cascade,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    put_expires_at timestamptz not null,
    -- What was uploaded is pinned by its ETag from the moment that a track exists for it.
    check (state in ('initiated', 'aborted', 'expired') or (etag is not null and track_id is not null)),
    check ((state in ('rejected', 'failed')) = (fault is not null))
  );
  create index uploads_of_owner on uploads (owner_id, id desc);
  create index uploads_by_content on uploads (owner_id, sha256) where state = 'ready';
  create index uploads_pending on uploads (expires_at) where state = 'initiated';
  `,
  'drop table uploads;',
)
