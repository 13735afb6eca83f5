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
    listener text not null,
    device text,
    opened_at timestamptz not null,
    -- When the client last reported its progress.
    told_at timestamptz not null,
    position_ms integer not null default 0 check (position_ms >= 0),
    -- How long the client says it played, and how much of that was accepted: a listener hears one thing at a time.
    listened_ms integer not null default 0 check (listened_ms >= 0),
    heard_ms integer not null default 0 check (heard_ms >= 0),
    -- The play counts from this much accepted time on.
    threshold_ms integer not null,
    is_over boolean not null default false,
    -- Null as long as it may still count.
    outcome text check (outcome in
      ('counted', 'own_track', 'repeated', 'too_short', 'implausible', 'concurrent', 'network_limit')),
    decided_at timestamptz,
    -- Added to play_totals.
    is_summed boolean not null default false,
    check ((outcome is null) = (decided_at is null))
  );
  create index plays_undecided on plays (told_at) where outcome is null;
  create index plays_unsummed on plays (id) where outcome is not null and not is_summed;
  create index plays_of_profile on plays (profile_id, told_at desc) where profile_id is not null;
  create index plays_of_track on plays (track_id);

  -- Which time of a listener is taken by accepted plays. Locked by whoever takes time.
  create table listener_clocks (
    listener text primary key,
    -- [[from, until], ...] in epoch milliseconds.
    taken jsonb not null default '[]',
    forget_at timestamptz not null
  );
  create index listener_clocks_forget_at on listener_clocks (forget_at);

  -- A listener counts for a track once in a window: until then no second time.
  create table counted_listeners (
    track_id uuid not null references tracks on delete cascade,
    listener text not null,
    until timestamptz not null,
    primary key (track_id, listener)
  );
  create index counted_listeners_until on counted_listeners (until);

  -- Counted plays of listeners who are not signed in, by hashed network and day: of one track, and of all.
  create table counted_networks (
    name text primary key,
    plays integer not null,
    forget_at timestamptz not null
  );
  create index counted_networks_forget_at on counted_networks (forget_at);

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
  create table listened (
    profile_id uuid not null references profiles on delete cascade,
    track_id uuid not null references tracks on delete cascade,
    at timestamptz not null,
    primary key (profile_id, track_id)
  );
  create index listened_latest on listened (profile_id, at desc, track_id desc);
  create index listened_of_track on listened (track_id);
  `,
  `
  drop table listened, play_totals, listener_salts, counted_networks, counted_listeners, listener_clocks, plays;
  `,
)
