import { sqlMigration } from './migration'

/** Likes, reposts and comments. Their counts are columns of tracks, see counter_changes. */
export const interactions = sqlMigration(
  '2026-11-30-07-interactions',
  `
  create table likes (
    track_id uuid not null references tracks on delete cascade,
    profile_id uuid not null references profiles on delete cascade,
    created_at timestamptz not null,
    primary key (track_id, profile_id)
  );
  create index likes_of_track on likes (track_id, created_at desc, profile_id desc);
  create index likes_of_profile on likes (profile_id, created_at desc, track_id desc);

  create table reposts (
    track_id uuid not null references tracks on delete cascade,
    profile_id uuid not null references profiles on delete cascade,
    created_at timestamptz not null,
    primary key (track_id, profile_id)
  );
  create index reposts_of_profile on reposts (profile_id, created_at desc, track_id desc);

  create table comments (
    id uuid primary key,
    track_id uuid not null references tracks on delete cascade,
    author_id uuid not null references profiles on delete cascade,
    body text not null check (length(body) between 1 and 1000),
    -- The moment of the track that it is about.
    position_ms integer not null check (position_ms >= 0),
    created_at timestamptz not null,
    -- Deleted: hidden from everybody.
    deleted_at timestamptz
  );
  create index comments_of_track on comments (track_id, created_at desc, id desc) where deleted_at is null;
  create index comments_of_author on comments (author_id, created_at desc);
  `,
  'drop table comments, reposts, likes;',
)
