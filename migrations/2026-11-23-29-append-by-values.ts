import { sqlMigration } from './migration'

/**
 * The append for events whose values come as arrays, one element for each channel of each event: taking them out of a JSON
 * document costs more than one of the three inserts. `append_to_channels` serves the release before this one; the release
 * after it drops that.
 */
export const appendByValues = sqlMigration(
  '2026-11-23-29-append-by-values',
  `
  -- Appends events to their channels, in the order given, and answers the shards that have something to hand on. The last
  -- statement of a transaction: it locks the channels.
  create function append_events(addressees text[], ids uuid[], names text[], ats timestamptz[], said jsonb[])
  returns smallint[] language plpgsql as $$
  declare
    places integer[] := array[1];
    place integer;
    reached bigint;
    shard_of smallint;
    touched smallint[] := '{}';
    today date := (now() at time zone 'utc')::date;
  begin
    if cardinality(addressees) > 1 then
      -- In one order, so that two transactions never wait for each other in a circle.
      places := array(select at from generate_subscripts(addressees, 1) as at order by addressees[at], at);
    end if;
    foreach place in array places loop
      shard_of := hashtext(addressees[place]) & 7;
      insert into channels as kept (name, top) values (addressees[place], 1)
      on conflict (name) do update set top = kept.top + 1
      returning top into reached;
      insert into channel_events (channel, "offset", id, name, at, data, logged_on)
      values (addressees[place], reached, ids[place], names[place], ats[place], said[place], today);
      insert into channel_pending (shard, channel, "offset", logged_on) values (shard_of, addressees[place], reached, today);
      if not shard_of = any (touched) then touched := touched || shard_of; end if;
    end loop;
    return touched;
  end $$;
  `,
  'drop function append_events(text[], uuid[], text[], timestamptz[], jsonb[])',
)
