import { sqlMigration } from './migration'

/** Listening parties. The row of a party is the authority on who hosts it and on what plays when. */
export const parties = sqlMigration(
  '2026-11-30-11-parties',
  `
  create table parties (
    id uuid primary key,
    -- A member as long as there are any; of an empty party the last host.
    host_id uuid not null references profiles on delete cascade,
    title text not null check (length(title) between 1 and 120),
    capacity integer not null check (capacity between 2 and 10000),
    member_count integer not null default 0 check (member_count >= 0),
    -- Grows with every event of the party.
    rev integer not null default 1,

    -- The timeline: at \`t0_ms\` the playhead of the current item was at \`pos_ms\`. Times are epoch milliseconds of the server,
    -- which a double holds exactly.
    status text not null default 'idle' check (status in ('idle', 'playing', 'paused', 'ended')),
    timeline_rev integer not null default 1,
    -- The current item. No foreign keys: erasing the track must not delete the party.
    item_id uuid,
    track_id uuid,
    duration_ms integer check (duration_ms > 0),
    pos_ms integer not null default 0 check (pos_ms >= 0),
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
    -- The host is in parties.host_id; this is the role of a member who is not, or no longer, the host.
    role text not null check (role in ('co-host', 'dj', 'listener')),
    joined_at timestamptz not null,
    -- Banned: no longer a member, and may not come back.
    banned_at timestamptz,
    primary key (party_id, profile_id)
  );
  create index party_members_in_order on party_members (party_id, joined_at, profile_id) where banned_at is null;
  create index party_members_of_profile on party_members (profile_id);

  -- The queue.
  create table party_items (
    id uuid primary key,
    party_id uuid not null references parties on delete cascade,
    track_id uuid not null references tracks on delete cascade,
    added_by uuid not null references profiles on delete cascade,
    duration_ms integer not null check (duration_ms > 0),
    -- Position among those that wait.
    queue_position integer not null check (queue_position > 0),
    added_at timestamptz not null,
    -- When it left the queue, to be played or removed.
    left_queue_at timestamptz
  );
  create unique index party_items_waiting on party_items (party_id, queue_position) where left_queue_at is null;
  create index party_items_of_party on party_items (party_id);
  create index party_items_of_track on party_items (track_id) where left_queue_at is null;
  create index party_items_of_profile on party_items (added_by);
  `,
  'drop table party_items, party_members, parties;',
)
