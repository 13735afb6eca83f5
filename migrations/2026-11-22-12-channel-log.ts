import { sqlMigration } from './migration'

/** All of it in one statement, whose plan costs PostgreSQL more than what it does. */
export const appendInOneStatement = `
  -- Appends events to their channels, in the order given, and answers the shards that have something to hand on. The last
  -- statement of a transaction: it locks the channels.
  create or replace function append_to_channels(events jsonb) returns smallint[] language plpgsql as $$
  declare
    touched smallint[];
  begin
    with given as materialized (
      select n, channel, id, event.name, at, data
      from jsonb_array_elements(events) with ordinality as one (value, n)
      cross join jsonb_to_record(value) as event (id uuid, name text, at timestamptz, channels jsonb, data jsonb)
      cross join jsonb_array_elements_text(channels) as channel
    ), counted as materialized (
      select channel, count(*) as many from given group by channel
    ), raised as (
      -- In one order, so that two transactions never wait for each other in a circle.
      insert into channels as kept (name, top) select channel, many from counted order by channel
      on conflict (name) do update set top = kept.top + excluded.top
      returning name, top
    ), logged as (
      insert into channel_events (channel, "offset", id, name, at, data)
      select channel, top - many + row_number() over (partition by channel order by n), id, given.name, at, data
      from given join counted using (channel) join raised on raised.name = channel
      order by n
      returning channel, "offset", logged_on
    ), pending as (
      insert into channel_pending (shard, channel, "offset", logged_on)
      select hashtext(channel) & 7, channel, "offset", logged_on from logged
      returning shard
    )
    select array_agg(distinct shard) into touched from pending;
    return touched;
  end $$;
`

/**
 * The log of every channel: offsets without gaps, in the order of the commits, because whoever appends holds the channel's
 * row until the commit. `channel_pending` is the list of what the relays have still to hand on; it is claimed and deleted,
 * never read behind a cursor, which would skip what commits late. `pending_events` and `event_log` serve the release before
 * this one; the release after it drops them.
 */
export const channelLog = sqlMigration(
  '2026-11-22-12-channel-log',
  `
  create table channels (
    name text primary key,
    top bigint not null
  ) with (fillfactor = 70);

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
  -- What nobody made a partition for in time; it is emptied by age instead of being dropped.
  create table channel_events_rest partition of channel_events default;

  create table channel_pending (
    seq bigint generated always as identity primary key,
    shard smallint not null,
    channel text not null,
    "offset" bigint not null,
    logged_on date not null
  -- It is always nearly empty, and read many times a second: what was deleted must not pile up.
  ) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
  create index channel_pending_shard on channel_pending (shard, seq);

  -- An operator who restores a copy of the disks, which changes neither of the other two, raises it.
  create table log_generation (generation integer not null);
  insert into log_generation values (1);

  -- Changes whenever the log may have lost its tail: after a failover, a restore to a point in time, a move to another cluster.
  create function log_epoch() returns text language sql stable as $$
    select left(md5(concat_ws(':', generation, (pg_control_system()).system_identifier,
      left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))), 12)
    from log_generation
  $$;

  ${appendInOneStatement}
  -- Makes the partitions of the next days and drops those that are older than \`days_kept\`.
  create function keep_channel_log(days_kept integer) returns void language plpgsql as $$
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
      continue when exists (select from channel_events_rest where logged_on = day);
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
    delete from channel_events_rest where logged_on < today - days_kept;
  end
  $$;

  select keep_channel_log(7);
  `,
  `
  drop function keep_channel_log(integer); drop function append_to_channels(jsonb); drop function log_epoch();
  drop table log_generation; drop table channel_pending; drop table channel_events; drop table channels;
  `,
)
