import { sqlMigration } from './migration'

/**
 * The plans are made while the tables are as good as empty, and kept: reading them whole would become dear as what was deleted piles
 * up between two vacuums, and a loop in a loop as soon as much waits at once.
 */
const byIndex = 'set enable_seqscan = off set enable_bitmapscan = off'
const byHash = 'set enable_nestloop = off'

/**
 * What transactions say waits here, in the order in which they said it, until it is given its place: many at once, for a
 * fraction of what each costs by itself, and no transaction waits for another one's channel. Whoever reads a channel gives the
 * places that are still missing there, so that nobody can tell. `append_events` serves the release before this one; the
 * release after it drops it, and `append_to_channels`, which nobody calls any more.
 */
export const channelInbox = sqlMigration(
  '2026-11-23-30-channel-inbox',
  `
  create table channel_inbox (
    shard smallint not null,
    seq bigint generated always as identity,
    channel text not null,
    id uuid not null,
    name text not null,
    at timestamptz not null,
    data jsonb not null,
    logged_at timestamptz not null default now(),
    primary key (shard, seq)
  -- As channel_pending: nearly empty, and read many times a second.
  ) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

  -- \`seq\` is its number in channel_pending.
  create type placed_event as (
    seq bigint, channel text, "offset" bigint, id uuid, name text, at timestamptz, data jsonb, logged_at timestamptz);

  -- Until the end of the transaction: one at a time gives places in a shard, and so on its channels. In one order, so that two never
  -- wait for each other in a circle. Look only then for what waits, to see all that was committed before: else a later one might
  -- come first.
  create function lock_places(shards smallint[]) returns void language plpgsql as $$
  declare
    one_shard smallint;
  begin
    for one_shard in select distinct shard from unnest(shards) as shard order by shard loop
      perform pg_advisory_xact_lock(7283335, one_shard);
    end loop;
  end $$;

  -- Gives these rows of channel_inbox, of shards that are locked, the next places of their channels. Of each channel there are the
  -- oldest, with none left out.
  create function place_rows(oldest tid[]) returns setof placed_event language plpgsql ${byHash} as $$
  declare
    today date := (now() at time zone 'utc')::date;
  begin
    return query
    with taken as materialized (
      delete from channel_inbox where ctid = any (oldest) returning *
    ), counted as materialized (
      select channel, count(*) as many from taken group by channel
    ), raised as materialized (
      -- In the order in which the release before raises them.
      insert into channels as kept (name, top) select channel, many from counted order by channel
      on conflict (name) do update set top = kept.top + excluded.top
      returning name, top
    ), placed as materialized (
      select taken.*, raised.top - many + row_number() over (partition by channel order by seq) as "offset"
      from taken join counted using (channel) join raised on raised.name = channel
    ), logged as (
      insert into channel_events (channel, "offset", id, name, at, data, logged_at, logged_on)
      select channel, "offset", id, name, at, data, logged_at, today from placed
    ), pending as (
      insert into channel_pending as pending (shard, channel, "offset", logged_on)
      select shard, channel, "offset", today from placed order by seq
      returning pending.seq, pending.channel, pending."offset"
    )
    select pending.seq, channel, "offset", placed.id, placed.name, placed.at, placed.data, placed.logged_at
    from pending join placed using (channel, "offset")
    order by pending.seq;
  end $$;

  -- Gives the oldest of what waits in these shards its places.
  create function place_events(shards smallint[], most integer) returns setof placed_event language plpgsql ${byIndex} as $$
  declare
    oldest tid[];
  begin
    perform lock_places(shards);
    oldest := array(
      select place from (select distinct unnest(shards) as number) as one cross join lateral (
        select seq, ctid as place from channel_inbox where shard = number order by seq limit most
      ) as waiting
      order by seq limit most);
    if cardinality(oldest) > 0 then
      return query select * from place_rows(oldest);
    end if;
  end $$;

  -- The same where something has waited for so long: nobody holds the shard, or who does is frozen, or of the release before. Waits for
  -- nobody who gives places. Answers how many it gave.
  create function place_starving(shards smallint[], waited interval) returns integer language plpgsql ${byIndex} as $$
  declare
    one_shard smallint;
    ours smallint[] := '{}';
  begin
    foreach one_shard in array shards loop
      if (select logged_at from channel_inbox where shard = one_shard order by seq limit 1) <= clock_timestamp() - waited then
        if pg_try_advisory_xact_lock(7283335, one_shard) then
          ours := ours || one_shard;
        end if;
      end if;
    end loop;
    return (select count(*) from place_events(ours, 1000));
  end $$;

  -- For a relay: forgets what was handed on, and answers what is to be handed on next, in order. To be committed before anybody
  -- is told: what is told a place has it for ever.
  create function next_to_hand_on(shards smallint[], handed_on bigint[], most integer)
  returns table (seq bigint, channel text, epoch text, "offset" bigint, id uuid, name text, at_ms float8, data jsonb, age float8)
  language plpgsql ${byIndex} as $$
  #variable_conflict use_column
  declare
    is_behind boolean;
  begin
    if cardinality(handed_on) > 0 then
      delete from channel_pending where seq = any (handed_on);
    end if;
    is_behind := exists (select from channel_pending where shard = any (shards));
    if not is_behind then
      return query
      select seq, channel, (select log_epoch()), "offset", id, name, date_part('epoch', at) * 1000, data,
        date_part('epoch', clock_timestamp() - logged_at)
      from place_events(shards, next_to_hand_on.most);
      return;
    end if;
    -- What a relay left behind, a reader gave its place, or the release before this one appended, comes first.
    perform from place_events(shards, next_to_hand_on.most);
    return query
    select waiting.seq, waiting.channel, (select log_epoch()), waiting."offset", event.id, event.name, date_part('epoch', event.at) * 1000,
      event.data, coalesce(date_part('epoch', clock_timestamp() - event.logged_at), 0)
    from (
      select * from channel_pending where shard = any (shards) order by seq limit next_to_hand_on.most
    ) waiting
    left join channel_events event using (channel, "offset", logged_on)
    order by waiting.seq;
  end $$;

  -- Gives places to all that was said on these channels and is committed by now; \`shards\` are theirs. What waits on others, or comes
  -- meanwhile, is left to others: however much it is, this ends.
  create function settle_channels(names text[], shards smallint[]) returns void language plpgsql ${byIndex} as $$
  declare
    last bigint;
    oldest tid[];
  begin
    if not exists (select from channel_inbox where shard = any (shards) and channel = any (names)) then
      return;
    end if;
    perform lock_places(shards);
    last := (select max(seq) from channel_inbox where shard = any (shards) and channel = any (names));
    loop
      oldest := array(
        select ctid from channel_inbox where shard = any (shards) and channel = any (names) and seq <= last order by seq limit 10000);
      exit when cardinality(oldest) = 0;
      perform from place_rows(oldest);
    end loop;
  end $$;

  create function channel_tops(names text[], shards smallint[]) returns table (name text, top bigint) language plpgsql as $$
  #variable_conflict use_column
  begin
    perform settle_channels(names, shards);
    return query select name, top from channels where name = any (names);
  end $$;

  -- One moment of a channel: at most so many events after an offset, in order.
  create function channel_after(wanted text, in_shard smallint, after bigint, most integer)
  returns table (epoch text, top bigint, events json) language plpgsql as $$
  begin
    perform settle_channels(array[wanted], array[in_shard]);
    return query
    select log_epoch(), coalesce((select channels.top from channels where name = wanted), 0), coalesce((
      select json_agg(event) from (
        select "offset", id, name, to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, data from channel_events
        where channel = wanted and "offset" > channel_after.after order by "offset" limit channel_after.most
      ) event), '[]');
  end $$;

  -- The release before takes the next places itself: after what was said before it.
  alter function append_events(text[], uuid[], text[], timestamptz[], jsonb[]) rename to append_events_at_once;
  create function append_events(addressees text[], ids uuid[], names text[], ats timestamptz[], said jsonb[])
  returns smallint[] language plpgsql as $$
  begin
    perform settle_channels(addressees, array(select distinct shard from channel_inbox where channel = any (addressees)));
    return append_events_at_once(addressees, ids, names, ats, said);
  end $$;
  `,
  `
  -- The release before this one knows nothing of what waits. Who still says something fails from here on, and loses nothing unsaid.
  lock table channel_inbox in access exclusive mode;
  select count(*) from place_rows(array(select ctid from channel_inbox));
  drop function append_events(text[], uuid[], text[], timestamptz[], jsonb[]);
  alter function append_events_at_once(text[], uuid[], text[], timestamptz[], jsonb[]) rename to append_events;
  drop function channel_after(text, smallint, bigint, integer); drop function channel_tops(text[], smallint[]);
  drop function settle_channels(text[], smallint[]); drop function next_to_hand_on(smallint[], bigint[], integer);
  drop function place_starving(smallint[], interval); drop function place_events(smallint[], integer);
  drop function place_rows(tid[]); drop function lock_places(smallint[]); drop type placed_event; drop table channel_inbox;
  `,
)
