package redis

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/redis/go-redis/v9"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// apply is shared by the scripts: it runs a list of commands, with MIN and MAX of a hash's field besides Redis' own.
const apply = `
local function apply(ops)
	for _, o in ipairs(ops) do
		if o[1] == 'MIN' or o[1] == 'MAX' then
			local old = tonumber(redis.call('HGET', o[2], o[3]))
			local v = tonumber(o[4])
			if not old or (o[1] == 'MIN' and v < old) or (o[1] == 'MAX' and v > old) then redis.call('HSET', o[2], o[3], o[4]) end
		else
			redis.call(unpack(o))
		end
	end
end
`

// insert: KEYS idem; ARGV prefix, channel, then per job: id, data, body, idempotency field or "", ops.
// It answers {key field, id} of the first key that is taken, having changed nothing, or {}.
var insert = redis.NewScript(apply + `
local p = ARGV[1]
for i = 3, #ARGV, 5 do
	if ARGV[i+3] ~= '' then
		local id = redis.call('HGET', KEYS[1], ARGV[i+3])
		if id then return {ARGV[i+3], id} end
	end
	if redis.call('EXISTS', p .. 'job:' .. ARGV[i]) == 1 then return redis.error_reply('EXISTS ' .. ARGV[i]) end
end
for i = 3, #ARGV, 5 do
	redis.call('HSET', p .. 'job:' .. ARGV[i], 'rev', 1, 'data', ARGV[i+1], 'body', ARGV[i+2])
	if ARGV[i+3] ~= '' then redis.call('HSET', KEYS[1], ARGV[i+3], ARGV[i]) end
	apply(cjson.decode(ARGV[i+4]))
	redis.call('PUBLISH', ARGV[2], ARGV[i])
end
return {}
`)

// swap: KEYS job; ARGV expected rev, channel, id, data, ops. It answers the revision that it found, or -1 when there is
// no such job; the change has happened when that is the expected one.
var swap = redis.NewScript(apply + `
local rev = tonumber(redis.call('HGET', KEYS[1], 'rev'))
if not rev then return -1 end
if rev ~= tonumber(ARGV[1]) then return rev end
if ARGV[4] == '' then
	redis.call('DEL', KEYS[1])
else
	redis.call('HSET', KEYS[1], 'rev', rev + 1, 'data', ARGV[4])
end
apply(cjson.decode(ARGV[5]))
redis.call('PUBLISH', ARGV[2], ARGV[3])
return rev
`)

// promote: KEYS later, groups; ARGV now, prefix of queue keys. It moves what is ready into its group's queue.
var promote = redis.NewScript(`
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, 1000)
for _, m in ipairs(due) do
	local id, group = string.match(m, '^(%S+) (.*)$')
	redis.call('ZADD', ARGV[2] .. group, 0, id)
	redis.call('SADD', KEYS[2], group)
	redis.call('ZREM', KEYS[1], m)
end
return #due
`)

// heads: KEYS groups, ready; ARGV prefix of queue keys. It answers group, id, ready of each group's first; empty groups go.
var heads = redis.NewScript(`
local out = {}
for _, g in ipairs(redis.call('SMEMBERS', KEYS[1])) do
	local id = redis.call('ZRANGE', ARGV[1] .. g, 0, 0)[1]
	if id then
		out[#out+1] = g
		out[#out+1] = id
		out[#out+1] = redis.call('HGET', KEYS[2], id) or '0'
	else
		redis.call('SREM', KEYS[1], g)
	end
end
return out
`)

// publish: KEYS stream; ARGV channel, job, type, data, length of the stream, how long it is kept in milliseconds.
var publish = redis.NewScript(`
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[5], '*', 'type', ARGV[3], 'data', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[6])
return redis.call('PUBLISH', ARGV[1], ARGV[2])
`)

func encodeOps(ops []op) (string, error) {
	b, err := json.Marshal(ops)
	return string(b), err
}

// change runs swap for a new record, or none to delete it.
func (s *Store) change(ctx context.Context, old jobs.Job, data string, ops []op) error {
	list, err := encodeOps(ops)
	if err != nil {
		return err
	}
	rev, err := swap.Run(ctx, s.db, []string{s.key("job", old.ID)}, old.Rev, s.key("changes"), old.ID, data, list).Int64()
	switch {
	case err != nil:
		return classify(err)
	case rev == -1:
		return fmt.Errorf("job %q: %w", old.ID, errdefs.ErrNotFound)
	case rev != old.Rev:
		return fmt.Errorf("job %s has revision %d, not %d: read it again: %w", old.ID, rev, old.Rev, errdefs.ErrFailedPrecondition)
	}
	return nil
}

// Insert implements jobs.Store.
func (s *Store) Insert(ctx context.Context, fresh []jobs.Fresh) error {
	args := []any{s.prefix, s.key("changes")}
	for _, f := range fresh {
		f.Job.Rev = 1
		data, err := json.Marshal(f.Job)
		if err != nil {
			return err
		}
		ops, err := encodeOps(s.enter(f.Job))
		if err != nil {
			return err
		}
		args = append(args, f.Job.ID, data, f.Payload, keyField(f.Job), ops)
	}
	taken, err := insert.Run(ctx, s.db, []string{s.key("idem")}, args...).StringSlice()
	if err != nil && strings.HasPrefix(err.Error(), "EXISTS ") {
		return nil // ids are unique: an earlier try of this very insert arrived, though its answer did not
	}
	if err != nil {
		return classify(err)
	}
	if len(taken) == 2 {
		_, key, _ := strings.Cut(taken[0], ":")
		return &jobs.KeyTakenError{Key: unescaper.Replace(key), ID: taken[1]}
	}
	return nil
}

func keyField(j jobs.Job) string {
	if j.Key == "" {
		return ""
	}
	return esc(j.Client) + ":" + esc(j.Key)
}

// Swap implements jobs.Store.
func (s *Store) Swap(ctx context.Context, old, next jobs.Job) (jobs.Job, error) {
	next.Rev = old.Rev + 1
	data, err := json.Marshal(next)
	if err != nil {
		return jobs.Job{}, err
	}
	ops := append(s.leave(old), s.enter(next)...)
	if next.State.Ended() && !old.State.Ended() {
		more, err := s.count(next)
		if err != nil {
			return jobs.Job{}, err
		}
		ops = append(ops, more...)
	}
	if err := s.change(ctx, old, string(data), ops); err != nil {
		return jobs.Job{}, err
	}
	return next, nil
}

// Delete implements jobs.Store.
func (s *Store) Delete(ctx context.Context, old jobs.Job) error {
	ops := s.leave(old)
	if old.Batch != "" {
		ops = append(ops, op{"ZREM", s.key("batch", esc(old.Batch)), old.ID})
	}
	if old.Key != "" {
		ops = append(ops, op{"HDEL", s.key("idem"), keyField(old)})
	}
	return s.change(ctx, old, "", ops)
}
