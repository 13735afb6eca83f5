import { sqlMigration } from './migration'

export const tracks = sqlMigration(
  '2026-11-22-03-tracks',
  `
  create table tracks (
    id uuid primary key,
    owner_id uuid not null references profiles on delete cascade,
    title text not null check (length(title) between 1 and 200),
    description text not null default '' check (length(description) <= 5000),
    genre text check (length(genre) between 1 and 60),
    visibility text not null check (visibility in ('public', 'unlisted', 'private')),
    state text not null check (state in ('processing', 'ready', 'failed')),
    audio_key text,
    content_type text,
    duration_ms integer check (duration_ms > 0),
    bitrate integer,
    sample_rate integer,
    channels integer,
    tags jsonb,
    like_count integer not null default 0 check (like_count >= 0),
    repost_count integer not null default 0 check (repost_count >= 0),
    comment_count integer not null default 0 check (comment_count >= 0),
    counts_rev integer not null default 1,
    rev integer not null default 1,
    created_at timestamptz not null,
    published_at timestamptz,
    removed_at timestamptz,
    check (state <> 'ready' or (audio_key is not null and duration_ms is not null and content_type is not null))
  );
  create index tracks_of_owner on tracks (owner_id, created_at desc, id desc) where removed_at is null;
  create index tracks_published on tracks (published_at desc, id desc) where removed_at is null and published_at is not null;

  create table waveforms (
    track_id uuid primary key references tracks on delete cascade,
    -- One byte a peak, 0 to 255.
    peaks bytea not null check (length(peaks) between 1 and 10000)
  );
  `,
  'drop table waveforms; drop table tracks;',
)
