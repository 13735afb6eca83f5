import { sqlMigration } from './migration'

/**
 * Planner settings of the functions below. Their plans are cached while the tables are nearly empty; later, a sequential scan would
 * read the dead rows left between two vacuums, and a nested loop would be quadratic once many events wait.
 */
const byIndex = 'set enable_seqscan = off set enable_bitmapscan = off'
const byHash = 'set enable_nestloop = off'

/**
 * The log of every channel (docs/decisions/0008 and 0015). An event travels through three tables:
 *
 *     event_inbox     a transaction inserts its events as its last statement; they have no offset yet
 *     channel_events  the log: a relay, or a reader of the channel, assigns the next offsets of the channel
 *     pending_events  events with an offset that a relay has still to copy to Redis
 *
 * Offsets have no gaps and follow the commits, because only one session at a time assigns them in a shard (a hash of the channel,
 * kernel/events/channel-log.ts): it takes the shard's advisory lock, then reads what is committed, oldest first, leaving nothing out.
 */
export const channelLog = sqlMigration(
  '2026-11-30-02-channel-log',
  `
  create table channels (
    name text primary key,
    -- Offset of the newest event.
    top bigint not null
  ) with (fillfactor = 70);

  -- Partitioned by day: old days are dropped whole.
  create table channel_events (
    channel text not null,
    "offset" bigint not null,
    id uuid not null,
    name text not null,
    at timestamptz not null,
    data jsonb not null,
    logged_at timestamptz not null default now(),
    logged_on date not null default (now() at time zone 'utc')::date,
    primary key (channel, "offset", logged_on)
  ) partition by range (logged_on);
  -- For days whose partition was not made in time; rows are deleted by age.
  create table channel_events_default partition of channel_events default;

  -- Both are nearly empty and read many times a second, hence the eager autovacuum.
  create table event_inbox (
    shard smallint not null,
    seq bigint generated always as identity,
    channel text not null,
    id uuid not null,
    name text not null,
    at timestamptz not null,
    data jsonb not null,
    logged_at timestamptz not null default now(),
    primary key (shard, seq)
  ) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

  create table pending_events (
    seq bigint generated always as identity primary key,
    shard smallint not null,
    channel text not null,
    "offset" bigint not null,
    logged_on date not null
  ) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
  create index pending_events_of_shard on pending_events (shard, seq);

  -- The epoch of the log changes when its newest events may be lost: after a failover, a restore to a point in time, a move to another
  -- cluster. Clients then discard their offsets. After restoring a copy of the disks, which changes neither system id nor timeline,
  -- an operator increments the generation.
  create table channel_log_generation (generation integer not null);
  insert into channel_log_generation values (1);

  create function channel_log_epoch() returns text language sql stable as $$
    select left(md5(concat_ws(':', generation, (pg_control_system()).system_identifier,
      left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))), 12)
    from channel_log_generation
  $$;

  -- Assigning offsets.

  -- \`seq\` is that of pending_events.
  create type logged_event as (
    seq bigint, channel text, "offset" bigint, id uuid, name text, at timestamptz, data jsonb, logged_at timestamptz);

  -- Locks shards until the end of the transaction, in one order to avoid deadlocks. Read the inbox in a later statement, whose
  -- snapshot includes all that was committed before the lock was granted.
  create function lock_shards(shards smallint[]) returns void language plpgsql as $$
  declare
    one_shard smallint;
  begin
    for one_shard in select distinct shard from unnest(shards) as shard order by shard loop
      perform pg_advisory_xact_lock(7283335, one_shard);
    end loop;
  end $$;

  -- Moves these rows of the inbox into the log. Their shards are locked, and they are the oldest of their channels.
  create function move_inbox_rows(oldest tid[]) returns setof logged_event language plpgsql ${byHash} as $$
  declare
    today date := (now() at time zone 'utc')::date;
  begin
    return query
    with taken as materialized (
      delete from event_inbox where ctid = any (oldest) returning *
    ), counted as materialized (
      select channel, count(*) as many from taken group by channel
    ), raised as materialized (
      insert into channels as kept (name, top) select channel, many from counted
      on conflict (name) do update set top = kept.top + excluded.top
      returning name, top
    ), numbered as materialized (
      select taken.*, raised.top - many + row_number() over (partition by channel order by seq) as "offset"
      from taken join counted using (channel) join raised on raised.name = channel
    ), logged as (
      insert into channel_events (channel, "offset", id, name, at, data, logged_at, logged_on)
      select channel, "offset", id, name, at, data, logged_at, today from numbered
    ), pending as (
      insert into pending_events as pending (shard, channel, "offset", logged_on)
      select shard, channel, "offset", today from numbered order by seq
      returning pending.seq, pending.channel, pending."offset"
    )
    select pending.seq, channel, "offset", numbered.id, numbered.name, numbered.at, numbered.data, numbered.logged_at
    from pending join numbered using (channel, "offset")
    order by pending.seq;
  end $$;

  -- Assigns offsets to the oldest events of these shards.
  create function assign_offsets(shards smallint[], max_count integer) returns setof logged_event language plpgsql ${byIndex} as $$
  declare
    oldest tid[];
  begin
    perform lock_shards(shards);
    oldest := array(
      select row_id from (select distinct unnest(shards) as number) as one cross join lateral (
        select seq, ctid as row_id from event_inbox where shard = number order by seq limit max_count
      ) as waiting
      order by seq limit max_count);
    if cardinality(oldest) > 0 then
      return query select * from move_inbox_rows(oldest);
    end if;
  end $$;

  -- The same for shards whose oldest event has waited this long, because no relay holds them or the one that does is frozen. Skips
  -- shards that are locked. Returns the number of events.
  create function assign_overdue_offsets(shards smallint[], waited interval) returns integer language plpgsql ${byIndex} as $$
  declare
    one_shard smallint;
    ours smallint[] := '{}';
  begin
    foreach one_shard in array shards loop
      if (select logged_at from event_inbox where shard = one_shard order by seq limit 1) <= clock_timestamp() - waited then
        if pg_try_advisory_xact_lock(7283335, one_shard) then
          ours := ours || one_shard;
        end if;
      end if;
    end loop;
    return (select count(*) from assign_offsets(ours, 1000));
  end $$;

  -- Assigns offsets to all committed events of these channels, in these shards, so that a reader sees them. Events that are
  -- committed meanwhile are left out: the loop ends.
  create function assign_channel_offsets(names text[], shards smallint[]) returns void language plpgsql ${byIndex} as $$
  declare
    last bigint;
    oldest tid[];
  begin
    if not exists (select from event_inbox where shard = any (shards) and channel = any (names)) then
      return;
    end if;
    perform lock_shards(shards);
    last := (select max(seq) from event_inbox where shard = any (shards) and channel = any (names));
    loop
      oldest := array(
        select ctid from event_inbox where shard = any (shards) and channel = any (names) and seq <= last order by seq limit 10000);
      exit when cardinality(oldest) = 0;
      perform from move_inbox_rows(oldest);
    end loop;
  end $$;

  -- Reading.

  -- For a relay: deletes the pending rows that it has copied to Redis, and returns the next ones, in order. The relay commits before it
  -- publishes them: an offset that was published must never be assigned again.
  create function next_pending_events(shards smallint[], copied bigint[], max_count integer)
  returns table (seq bigint, channel text, epoch text, "offset" bigint, id uuid, name text, at_ms float8, data jsonb, age float8)
  language plpgsql ${byIndex} as $$
  #variable_conflict use_column
  declare
    is_behind boolean;
  begin
    if cardinality(copied) > 0 then
      delete from pending_events where seq = any (copied);
    end if;
    is_behind := exists (select from pending_events where shard = any (shards));
    if not is_behind then
      return query
      select seq, channel, (select channel_log_epoch()), "offset", id, name, date_part('epoch', at) * 1000, data,
        date_part('epoch', clock_timestamp() - logged_at)
      from assign_offsets(shards, next_pending_events.max_count);
      return;
    end if;
    -- Rows that another relay left behind, or that a reader has added, come first.
    perform from assign_offsets(shards, next_pending_events.max_count);
    return query
    select waiting.seq, waiting.channel, (select channel_log_epoch()), waiting."offset", event.id, event.name,
      date_part('epoch', event.at) * 1000, event.data, coalesce(date_part('epoch', clock_timestamp() - event.logged_at), 0)
    from (
      select * from pending_events where shard = any (shards) order by seq limit next_pending_events.max_count
    ) waiting
    left join channel_events event using (channel, "offset", logged_on)
    order by waiting.seq;
  end $$;

  -- The newest offsets of these channels.
  create function newest_offsets(names text[], shards smallint[]) returns table (name text, top bigint) language plpgsql as $$
  #variable_conflict use_column
  begin
    perform assign_channel_offsets(names, shards);
    return query select name, top from channels where name = any (names);
  end $$;

  -- A page of a channel: events after an offset, with the newest offset of the same snapshot.
  create function channel_events_after(wanted text, in_shard smallint, after bigint, max_count integer)
  returns table (epoch text, top bigint, events json) language plpgsql as $$
  begin
    perform assign_channel_offsets(array[wanted], array[in_shard]);
    return query
    select channel_log_epoch(), coalesce((select channels.top from channels where name = wanted), 0), coalesce((
      select json_agg(event) from (
        select "offset", id, name, to_char(at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at, data from channel_events
        where channel = wanted and "offset" > channel_events_after.after order by "offset" limit channel_events_after.max_count
      ) event), '[]');
  end $$;

  -- Maintenance, from a scheduled job: makes the partitions of the next days, and drops those older than \`days_kept\`.
  create function maintain_channel_log(days_kept integer) returns void language plpgsql as $$
  declare
    today date := (now() at time zone 'utc')::date;
    day date;
    old record;
  begin
    -- One at a time: two would make the same partition.
    perform pg_advisory_xact_lock(7283334);
    for ahead in 0..2 loop
      day := today + ahead;
      continue when to_regclass('channel_events_' || to_char(day, 'YYYYMMDD')) is not null;
      continue when exists (select from channel_events_default where logged_on = day);
      execute format('create table %I partition of channel_events for values from (%L) to (%L)',
        'channel_events_' || to_char(day, 'YYYYMMDD'), day, day + 1);
    end loop;
    for old in
      select child.relname as name from pg_inherits
      join pg_class child on child.oid = inhrelid
      where inhparent = 'channel_events'::regclass and child.relname ~ '^channel_events_[0-9]{8}$'
        and to_date(right(child.relname, 8), 'YYYYMMDD') < today - days_kept
    loop
      execute format('drop table %I', old.name);
    end loop;
    delete from channel_events_default where logged_on < today - days_kept;
  end
  $$;

  select maintain_channel_log(7);
  `,
  `
  drop function maintain_channel_log, channel_events_after, newest_offsets, next_pending_events, assign_channel_offsets,
    assign_overdue_offsets, assign_offsets, move_inbox_rows, lock_shards, channel_log_epoch;
  drop type logged_event;
  drop table channel_log_generation, pending_events, event_inbox, channel_events, channels;
  `,
)
