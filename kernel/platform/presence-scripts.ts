/** Lua: `now` in epoch milliseconds, by the clock of Redis. */
export const nowInRedis = `
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`

/**
 * Updates a node's members of a channel. Mode `change`: these joined, these left; `state`: exactly these are present;
 * `sweep`: the node is dead. Returns `lost` when the node's lease is over: others may have swept it, and a late write would
 * never be removed. A member is a hash field whose value lists the nodes with sockets of theirs. Publishes
 * `rev epoch count joined left`.
 */
export const updateMembersScript = `
${nowInRedis}
local members, meta, nodes, channels = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local topic, channel, node, mode = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if mode ~= 'sweep' then
  local lease = redis.call('zscore', nodes, node)
  if not lease or tonumber(lease) + ARGV[7] < now then return 'lost' end
end

local here, joined, left = {}, {}, {}
local function without(list)
  local kept = {}
  for one in string.gmatch(list, '%S+') do
    if one ~= node then kept[#kept + 1] = one end
  end
  return table.concat(kept, ' ')
end
local function join(member)
  here[member] = true
  local list = redis.call('hget', members, member)
  local kept = list and without(list) or ''
  local with = kept == '' and node or kept .. ' ' .. node
  if with ~= list then redis.call('hset', members, member, with) end
  if not list then joined[#joined + 1] = member end
end
local function leave(member)
  local list = redis.call('hget', members, member)
  if not list then return end
  local kept = without(list)
  if kept == '' then
    redis.call('hdel', members, member)
    left[#left + 1] = member
  elseif kept ~= list then
    redis.call('hset', members, member, kept)
  end
end

for _, member in ipairs(cjson.decode(ARGV[5])) do join(member) end
for _, member in ipairs(cjson.decode(ARGV[6])) do leave(member) end
if mode ~= 'change' then
  for _, member in ipairs(redis.call('hkeys', members)) do
    if not here[member] then leave(member) end
  end
end
if next(here) then redis.call('sadd', channels, channel)
elseif mode == 'state' then redis.call('srem', channels, channel) end

if #joined + #left == 0 then return redis.call('hget', meta, 'rev') or '0' end
local epoch = redis.call('hget', meta, 'epoch')
if not epoch then
  epoch = string.format('%.0f', now)
  redis.call('hset', meta, 'epoch', epoch, 'rev', epoch)
end
local rev = string.format('%.0f', redis.call('hincrby', meta, 'rev', 1))
local count = redis.call('hlen', members)
if count == 0 then redis.call('pexpire', meta, ARGV[8]) else redis.call('persist', meta) end
redis.call('publish', topic,
  table.concat({rev, epoch, count, table.concat(joined, ','), table.concat(left, ',')}, ' '))
return rev
`

export const readMembersScript = `
local count = redis.call('hlen', KEYS[1])
local about = redis.call('hmget', KEYS[2], 'rev', 'epoch')
local members = count <= tonumber(ARGV[1]) and redis.call('hkeys', KEYS[1])
return {about[1] or '0', about[2] or '', count, members}
`

/** Renews a lease. A node past lease and grace may be swept and never gets its lease back, so a live node is never swept. */
export const renewLeaseScript = `
${nowInRedis}
local nodes, node, isNew, lease, grace = KEYS[1], ARGV[1], ARGV[2] == '1', ARGV[3], ARGV[4]
local over = now - grace
local last = tonumber(redis.call('zscore', nodes, node) or (isNew and now or over - 1))
if last < over then return {'lost'} end
redis.call('zadd', nodes, now + lease, node)
local answer = {last < now and 'late' or 'steady'}
if ARGV[5] == '0' then return answer end
local dead = redis.call('zrangebyscore', nodes, '-inf', over - 1, 'withscores', 'limit', 0, ARGV[5])
for n = 1, #dead, 2 do
  answer[#answer + 1] = dead[n]
  answer[#answer + 1] = string.format('%.0f', over - dead[n + 1])
end
return answer
`
