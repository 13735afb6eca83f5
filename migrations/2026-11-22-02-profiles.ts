import { sqlMigration } from './migration'

export const profiles = sqlMigration(
  '2026-11-22-02-profiles',
  `
  create table profiles (
    id uuid primary key,
    subject text not null unique,
    handle text not null check (handle ~ '^[A-Za-z0-9_]{3,30}$'),
    display_name text not null check (length(display_name) between 1 and 80),
    bio text not null default '' check (length(bio) <= 1000),
    follower_count integer not null default 0 check (follower_count >= 0),
    following_count integer not null default 0 check (following_count >= 0),
    counts_rev integer not null default 1,
    rev integer not null default 1,
    created_at timestamptz not null
  );
  create unique index profiles_handle on profiles (lower(handle));

  -- Names given up: they still lead to their owner, and nobody else may take them for a while. In lower case.
  create table former_handles (
    handle text primary key check (handle = lower(handle)),
    profile_id uuid not null references profiles on delete cascade,
    released_at timestamptz not null
  );
  create index former_handles_of_profile on former_handles (profile_id, released_at desc);

  create table follows (
    follower_id uuid not null references profiles on delete cascade,
    followee_id uuid not null references profiles on delete cascade,
    created_at timestamptz not null,
    primary key (follower_id, followee_id),
    check (follower_id <> followee_id)
  );
  create index follows_of_followee on follows (followee_id, created_at desc, follower_id desc);
  create index follows_of_follower on follows (follower_id, created_at desc, followee_id desc);

  create table blocks (
    blocker_id uuid not null references profiles on delete cascade,
    blocked_id uuid not null references profiles on delete cascade,
    created_at timestamptz not null,
    primary key (blocker_id, blocked_id),
    check (blocker_id <> blocked_id)
  );
  create index blocks_of_blocked on blocks (blocked_id);
  create index blocks_of_blocker on blocks (blocker_id, created_at desc, blocked_id desc);
  `,
  'drop table blocks; drop table follows; drop table former_handles; drop table profiles;',
)
