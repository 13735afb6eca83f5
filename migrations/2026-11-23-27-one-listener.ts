import { sqlMigration } from './migration'

/** Nobody hears two things at once: what of a play was heard in time of its own, and which time of a listener is taken. */
export const oneListener = sqlMigration(
  '2026-11-23-27-one-listener',
  `
  alter table plays
    -- Null: told to nodes of the release before alone, which believed all of it.
    add column heard_ms integer check (heard_ms >= 0),
    drop constraint plays_outcome_check,
    add constraint plays_outcome_check check (
      outcome in ('counted', 'own_track', 'repeated', 'too_short', 'implausible', 'concurrent', 'network_limit'));

  create table listener_clocks (
    listener text primary key,
    -- The time in which something was heard, as [[from, until], …] in epoch milliseconds.
    taken jsonb not null default '[]',
    forget_at timestamptz not null
  );
  create index listener_clocks_forget_at on listener_clocks (forget_at);

  -- How many plays without a token were counted from a network on a day: for a track, and altogether.
  create table counted_networks (
    name text primary key,
    plays integer not null,
    forget_at timestamptz not null
  );
  create index counted_networks_forget_at on counted_networks (forget_at);
  `,
  `
  drop table counted_networks; drop table listener_clocks;
  update plays set outcome = 'repeated' where outcome in ('concurrent', 'network_limit');
  alter table plays
    drop column heard_ms,
    drop constraint plays_outcome_check,
    add constraint plays_outcome_check check (
      outcome in ('counted', 'own_track', 'repeated', 'too_short', 'implausible'));
  `,
)
