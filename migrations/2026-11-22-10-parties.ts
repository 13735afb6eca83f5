import { sqlMigration } from './migration'

export const parties = sqlMigration(
  '2026-11-22-10-parties',
  `
  create table parties (
    id uuid primary key,
    host_id uuid not null references profiles on delete cascade,
    title text not null check (length(title) between 1 and 120),
    capacity integer not null check (capacity between 2 and 10000),
    member_count integer not null default 0 check (member_count >= 0),
    rev integer not null default 1,
    status text not null default 'idle' check (status in ('idle', 'playing', 'paused', 'ended')),
    timeline_rev integer not null default 1,
    -- Without foreign keys: a track that is erased for good must not take the party along.
    item_id uuid,
    track_id uuid,
    duration_ms integer check (duration_ms > 0),
    pos_ms integer not null default 0 check (pos_ms >= 0),
    -- Milliseconds of party time: a double holds them exactly.
    t0_ms double precision not null,
    ends_at_ms double precision,
    created_at timestamptz not null,
    ended_at timestamptz,
    check ((status in ('playing', 'paused')) = (item_id is not null)),
    check ((item_id is null) = (track_id is null) and (item_id is null) = (duration_ms is null)),
    check (item_id is not null or pos_ms = 0),
    check (pos_ms <= duration_ms),
    check ((status = 'playing') = (ends_at_ms is not null)),
    check ((status = 'ended') = (ended_at is not null))
  );
  create index parties_open on parties (id desc) where ended_at is null and member_count > 0;
  create index parties_of_host on parties (host_id);

  create table party_members (
    party_id uuid not null references parties on delete cascade,
    profile_id uuid not null references profiles on delete cascade,
    -- The host is whom the party names; this is what they are besides.
    role text not null check (role in ('co-host', 'dj', 'listener')),
    joined_at timestamptz not null,
    banned_at timestamptz,
    primary key (party_id, profile_id)
  );
  create index party_members_in_order on party_members (party_id, joined_at, profile_id) where banned_at is null;
  create index party_members_of_profile on party_members (profile_id);

  create table party_items (
    id uuid primary key,
    party_id uuid not null references parties on delete cascade,
    track_id uuid not null references tracks on delete cascade,
    added_by uuid not null references profiles on delete cascade,
    duration_ms integer not null check (duration_ms > 0),
    place integer not null check (place > 0),
    added_at timestamptz not null,
    taken_at timestamptz
  );
  create unique index party_items_waiting on party_items (party_id, place) where taken_at is null;
  create index party_items_of_party on party_items (party_id);
  create index party_items_of_track on party_items (track_id) where taken_at is null;
  create index party_items_of_profile on party_items (added_by);
  `,
  'drop table party_items; drop table party_members; drop table parties;',
)
