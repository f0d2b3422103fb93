"""The scripts that make each operation of the Redis store atomic; Redis runs one at a time, whole.

Keys, for a user whose hash is H = SHA-1(salt + user id), the salt being 32 secret random bytes:

    laser:user:H:history   sorted set, score: time, member: 16 digits of the sequence, 4 of the event id's length in
                           bytes, event id, item id; so that equal times are in the order of arrival
    laser:user:H:events    set of the event ids in the history
    laser:user:H:floor     the time at and below which nothing is taken
    laser:salt, laser:sequence
    laser:unpurged         count of deletions, while the append-only file may hold what they deleted

The salt is read inside each script: no client can hold an old one. That names keys that are not arguments, which a
single Redis and its replicas allow and Redis Cluster does not.
"""

_USER = """
local salt = redis.call('GET', 'laser:salt')
if not salt then
    salt = ARGV[2]
    redis.call('SET', 'laser:salt', salt)
end
local user = 'laser:user:' .. redis.sha1hex(salt .. ARGV[1])
local history, events, floor = user .. ':history', user .. ':events', user .. ':floor'
local lowest = tonumber(redis.call('GET', floor) or -1)
"""

# user id, fresh salt, limit, then event id, item id and time of each event -> one outcome each
APPEND = (
    _USER
    + """
local outcomes = {}
for n = 4, #ARGV, 3 do
    local event_id, at = ARGV[n], tonumber(ARGV[n + 2])
    if redis.call('SISMEMBER', events, event_id) == 1 then
        table.insert(outcomes, 'duplicate')
    elseif at <= lowest then
        table.insert(outcomes, 'outdated')
    else
        local sequence = redis.call('INCR', 'laser:sequence')
        local member = string.format('%016d%04d', sequence, #event_id) .. event_id .. ARGV[n + 1]
        redis.call('ZADD', history, ARGV[n + 2], member)
        redis.call('SADD', events, event_id)
        local outcome = 'stored'
        for excess = 1, redis.call('ZCARD', history) - tonumber(ARGV[3]) do
            local oldest = redis.call('ZPOPMIN', history)
            redis.call('SREM', events, string.sub(oldest[1], 21, 20 + tonumber(string.sub(oldest[1], 17, 20))))
            redis.call('SET', floor, oldest[2])
            lowest = tonumber(oldest[2])
            if oldest[1] == member then
                outcome = 'outdated'
            end
        end
        table.insert(outcomes, outcome)
    end
end
return outcomes
"""
)

# user id, fresh salt, now -> how many events there were
DELETE = (
    _USER
    + """
local newest = redis.call('ZRANGE', history, -1, -1, 'WITHSCORES')[2]
local count = redis.call('ZCARD', history)
redis.call('SET', floor, string.format('%d', math.max(lowest, tonumber(ARGV[3]), tonumber(newest or -1))))
redis.call('DEL', history, events)
redis.call('INCR', 'laser:unpurged')
return count
"""
)

# user id -> member, time, member, time, ...; writes nothing, so that it works where Redis takes no writes
HISTORY = """
local salt = redis.call('GET', 'laser:salt')
if not salt then
    return {}
end
return redis.call('ZRANGE', 'laser:user:' .. redis.sha1hex(salt .. ARGV[1]) .. ':history', 0, -1, 'WITHSCORES')
"""

# count of deletions -> forget them, unless there were more since
PURGED = """
if redis.call('GET', 'laser:unpurged') == ARGV[1] then
    redis.call('DEL', 'laser:unpurged')
    return 1
end
return 0
"""
