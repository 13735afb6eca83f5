import { sqlMigration } from './migration'

/** Who listened to what: each play by itself, and what is made of them. */
export const plays = sqlMigration(
  '2026-11-23-16-plays',
  `
  create table plays (
    id uuid primary key,
    track_id uuid not null references tracks on delete cascade,
    -- Null: not signed in.
    profile_id uuid references profiles on delete cascade,
    -- One person, on all their devices: a profile, or what cannot be traced back after the day.
    listener text not null,
    device text,
    opened_at timestamptz not null,
    -- When it was last told how far it is.
    told_at timestamptz not null,
    position_ms integer not null default 0 check (position_ms >= 0),
    listened_ms integer not null default 0 check (listened_ms >= 0),
    threshold_ms integer not null,
    is_over boolean not null default false,
    -- Null as long as it may still count.
    outcome text check (outcome in ('counted', 'own_track', 'repeated', 'too_short', 'implausible')),
    decided_at timestamptz,
    is_summed boolean not null default false,
    check ((outcome is null) = (decided_at is null))
  );
  create index plays_undecided on plays (told_at) where outcome is null;
  create index plays_unsummed on plays (id) where outcome is not null and not is_summed;
  create index plays_of_profile on plays (profile_id, told_at desc) where profile_id is not null;
  create index plays_of_track on plays (track_id);

  -- Until when a listener of a track counts no second time.
  create table counted_listeners (
    track_id uuid not null references tracks on delete cascade,
    listener text not null,
    until timestamptz not null,
    primary key (track_id, listener)
  );
  create index counted_listeners_until on counted_listeners (until);

  create table play_totals (
    track_id uuid not null references tracks on delete cascade,
    day date not null,
    outcome text not null,
    plays bigint not null,
    primary key (track_id, day, outcome)
  );

  -- Makes an address a name that is good for a day; then it is forgotten, and the names say nothing any more.
  create table listener_salts (
    day date primary key,
    salt text not null default gen_random_uuid()::text
  );

  create table listened (
    profile_id uuid not null references profiles on delete cascade,
    track_id uuid not null references tracks on delete cascade,
    at timestamptz not null,
    primary key (profile_id, track_id)
  );
  create index listened_latest on listened (profile_id, at desc, track_id desc);
  create index listened_of_track on listened (track_id);

  alter table profiles add column keeps_history boolean not null default true;
  `,
  `
  alter table profiles drop column keeps_history;
  drop table listened; drop table listener_salts; drop table play_totals; drop table counted_listeners; drop table plays;
  `,
)
