package redis

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// Keys, each after the prefix, whose braces put all of them into one slot of a Redis Cluster: a script changes many at
// once. Sorted sets with score 0 are ordered by job id, that is, by time of submission.
//
//	job:ID                hash: rev, data (JSON), body (payload)
//	idem                  hash: client and key → id
//	ids:MODEL:STATE       zset of ids, score 0
//	batch:BATCH           zset of ids, score 0
//	models                set of model names
//	q:GROUP               zset of ready ids, score 0
//	groups                set of group names; an empty one goes when it is seen
//	later                 zset of id and group, score = ready, for queued jobs that are not ready yet
//	ready                 hash: id → ready, for queued jobs
//	due                   zset of ids, score = deadline (queued) or end of lease (running)
//	ended                 zset of ids, score = finished
//	hooks                 zset of ids, score = due
//	tally:MODEL           hash of counters; last:MODEL list of finished jobs
//	nodes                 hash: name → JSON
//
// Names of models, clients and batches are escaped, so that a separator in them separates nothing.
func (s *Store) key(parts ...string) string {
	return s.prefix + strings.Join(parts, ":")
}

var (
	escaper   = strings.NewReplacer("%", "%25", ":", "%3A", "\x1f", "%1F")
	unescaper = strings.NewReplacer("%3A", ":", "%1F", "\x1f", "%25", "%")
)

func esc(s string) string { return escaper.Replace(s) }

func groupName(g jobs.Group) string {
	return esc(g.Model) + ":" + strconv.Itoa(int(g.Priority)) + ":" + esc(g.Client)
}

func parseGroup(name string) (jobs.Group, bool) {
	p := strings.Split(name, ":")
	if len(p) != 3 {
		return jobs.Group{}, false
	}
	n, err := strconv.Atoi(p[1])
	return jobs.Group{Model: unescaper.Replace(p[0]), Priority: jobs.Priority(n), Client: unescaper.Replace(p[2])}, err == nil
}

func groupOf(j jobs.Job) string {
	return groupName(jobs.Group{Model: j.Model, Priority: j.Priority, Client: j.Client})
}

// op is one index command of a script: a Redis command with its arguments.
type op []any

func score(t time.Time) int64 { return t.UnixMicro() }

// enter gives the commands that put a record into the indexes.
func (s *Store) enter(j jobs.Job) []op {
	ops := []op{
		{"SADD", s.key("models"), j.Model},
		{"ZADD", s.key("ids", esc(j.Model), string(j.State)), 0, j.ID},
	}
	if j.Batch != "" {
		ops = append(ops, op{"ZADD", s.key("batch", esc(j.Batch)), 0, j.ID})
	}
	switch {
	case j.State == jobs.Queued:
		// Always through later: promote moves it when its time has come.
		ops = append(ops, op{"ZADD", s.key("later"), score(j.Ready), laterName(j)}, op{"HSET", s.key("ready"), j.ID, score(j.Ready)})
		if !j.Deadline.IsZero() {
			ops = append(ops, op{"ZADD", s.key("due"), score(j.Deadline), j.ID})
		}
	case j.State == jobs.Running && j.Lease != nil:
		ops = append(ops, op{"ZADD", s.key("due"), score(j.Lease.Until), j.ID})
	case j.State.Ended():
		ops = append(ops, op{"ZADD", s.key("ended"), score(j.Finished), j.ID})
	}
	if j.Hook != nil && !j.Hook.Due.IsZero() {
		ops = append(ops, op{"ZADD", s.key("hooks"), score(j.Hook.Due), j.ID})
	}
	return ops
}

// leave gives the commands that undo enter.
func (s *Store) leave(j jobs.Job) []op {
	ops := []op{
		{"ZREM", s.key("ids", esc(j.Model), string(j.State)), j.ID},
		{"ZREM", s.key("due"), j.ID}, {"ZREM", s.key("ended"), j.ID}, {"ZREM", s.key("hooks"), j.ID},
	}
	if j.State == jobs.Queued {
		ops = append(ops, op{"ZREM", s.key("later"), laterName(j)}, op{"ZREM", s.key("q", groupOf(j)), j.ID}, op{"HDEL", s.key("ready"), j.ID})
	}
	return ops
}

func laterName(j jobs.Job) string { return j.ID + " " + groupOf(j) }

// count gives the commands that add an ended job to its model's tally.
func (s *Store) count(j jobs.Job) ([]op, error) {
	k := s.key("tally", esc(j.Model))
	field := map[jobs.State]string{jobs.Completed: "completed", jobs.Failed: "failed", jobs.Cancelled: "cancelled", jobs.Dead: "dead"}[j.State]
	last, err := json.Marshal(jobs.Last{ID: j.ID, State: j.State, Seconds: j.Seconds(), Finished: j.Finished})
	if err != nil {
		return nil, err
	}
	n := len(j.Prompt())
	ops := []op{
		{"HINCRBY", k, field, 1}, {"HINCRBY", k, "prompt", n}, {"MIN", k, "minprompt", n}, {"MAX", k, "maxprompt", n},
		{"MAX", k, "lastuse", score(j.Finished)},
		{"LPUSH", s.key("last", esc(j.Model)), string(last)}, {"LTRIM", s.key("last", esc(j.Model)), 0, jobs.LastN - 1},
	}
	if j.State == jobs.Completed {
		us := int64(j.Seconds() * 1e6)
		ops = append(ops, op{"HINCRBY", k, "us", us}, op{"MIN", k, "minus", us}, op{"MAX", k, "maxus", us})
	}
	return ops, nil
}
