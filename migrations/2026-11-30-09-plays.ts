import { sqlMigration } from './migration'

/** Plays, the rules by which they count (docs/plays.md), totals for artists, and the listening history. */
export const plays = sqlMigration(
  '2026-11-30-09-plays',
  `
  create table plays (
    id uuid primary key,
    track_id uuid not null references tracks on delete cascade,
    -- Null: not signed in.
    profile_id uuid references profiles on delete cascade,
    -- The profile id, or a salted hash of network and program. The same on all devices of a person.
    listener_key text not null,
    device text,
    started_at timestamptz not null,
    -- When the client last reported its progress.
    reported_at timestamptz not null,
    position_ms integer not null default 0 check (position_ms >= 0),
    -- How long the client says it played, and how much of that was accepted: a listener hears one thing at a time.
    listened_ms integer not null default 0 check (listened_ms >= 0),
    credited_ms integer not null default 0 check (credited_ms >= 0),
    -- The play counts from this much accepted time on.
    threshold_ms integer not null,
    ended boolean not null default false,
    -- Null as long as it may still count.
    outcome text check (outcome in
      ('counted', 'own_track', 'repeated', 'too_short', 'implausible', 'concurrent', 'network_limit')),
    decided_at timestamptz,
    -- Added to play_totals.
    is_aggregated boolean not null default false,
    check ((outcome is null) = (decided_at is null))
  );
  create index plays_undecided on plays (reported_at) where outcome is null;
  create index plays_not_aggregated on plays (id) where outcome is not null and not is_aggregated;
  create index plays_of_profile on plays (profile_id, reported_at desc) where profile_id is not null;
  create index plays_of_track on plays (track_id);

  -- Which time of a listener is claimed by accepted plays. Locked while time is claimed.
  create table listener_time_claims (
    listener_key text primary key,
    -- [[from, until], ...] in epoch milliseconds.
    claimed jsonb not null default '[]',
    expires_at timestamptz not null
  );
  create index listener_time_claims_by_expiry on listener_time_claims (expires_at);

  -- A listener counts for a track once in a window: no second time before it ends.
  create table repeat_windows (
    track_id uuid not null references tracks on delete cascade,
    listener_key text not null,
    ends_at timestamptz not null,
    primary key (track_id, listener_key)
  );
  create index repeat_windows_by_end on repeat_windows (ends_at);

  -- Counted plays of listeners who are not signed in, by hashed network and day: of one track, and of all.
  create table network_play_counters (
    network_key text primary key,
    plays integer not null,
    expires_at timestamptz not null
  );
  create index network_play_counters_by_expiry on network_play_counters (expires_at);

  -- Salts of the hashes above. Deleted after their day, so that no hash can be traced to an address.
  create table listener_salts (
    day date primary key,
    salt text not null default gen_random_uuid()::text
  );

  create table play_totals (
    track_id uuid not null references tracks on delete cascade,
    day date not null,
    outcome text not null,
    plays bigint not null,
    primary key (track_id, day, outcome)
  );

  -- Listening history: one row for each track, at its latest play.
  create table history_entries (
    profile_id uuid not null references profiles on delete cascade,
    track_id uuid not null references tracks on delete cascade,
    played_at timestamptz not null,
    primary key (profile_id, track_id)
  );
  create index history_entries_latest on history_entries (profile_id, played_at desc, track_id desc);
  create index history_entries_of_track on history_entries (track_id);
  `,
  `
  drop table history_entries, play_totals, listener_salts, network_play_counters, repeat_windows, listener_time_claims, plays;
  `,
)
