import { type Migration } from './migration'

/** Nobody hears two things at once: what of a play was heard in time of its own, and which time of a listener is taken. */
export const oneListener: Migration = {
  name: '2026-11-23-27-one-listener',

  async up(database) {
    await database.query(columns)
    // By itself, since it reads all plays: what it holds meanwhile lets others write.
    await database.query(checks)
  },

  down: database => database.query(back),
}

/** Safe to run again: the second statement may have been broken off. */
const columns = `
  -- Null: told to nodes of the release before alone, which believed all of it.
  alter table plays add column if not exists heard_ms integer;
  alter table plays
    drop constraint if exists plays_heard_ms_check,
    add constraint plays_heard_ms_check check (heard_ms >= 0) not valid,
    drop constraint if exists plays_outcome_check,
    add constraint plays_outcome_check check (
      outcome in ('counted', 'own_track', 'repeated', 'too_short', 'implausible', 'concurrent', 'network_limit')) not valid;

  create table if not exists listener_clocks (
    listener text primary key,
    -- The time in which something was heard, as [[from, until], …] in epoch milliseconds.
    taken jsonb not null default '[]',
    forget_at timestamptz not null
  );
  create index if not exists listener_clocks_forget_at on listener_clocks (forget_at);

  -- How many plays without a token were counted from a network on a day: for a track, and altogether.
  create table if not exists counted_networks (
    name text primary key,
    plays integer not null,
    forget_at timestamptz not null
  );
  create index if not exists counted_networks_forget_at on counted_networks (forget_at);`

const checks = `
  alter table plays validate constraint plays_heard_ms_check;
  alter table plays validate constraint plays_outcome_check;`

const back = `
  drop table counted_networks; drop table listener_clocks;
  update plays set outcome = 'repeated' where outcome in ('concurrent', 'network_limit');
  alter table plays
    drop column heard_ms,
    drop constraint plays_outcome_check,
    add constraint plays_outcome_check check (
      outcome in ('counted', 'own_track', 'repeated', 'too_short', 'implausible'));`
