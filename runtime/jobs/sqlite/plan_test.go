package sqlite

import (
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
)

// TestQueriesUseIndexes holds the queries that run all the time to their indexes: none may read the whole table.
func TestQueriesUseIndexes(t *testing.T) {
	s := opener(t)(t).(*Store)
	defer s.Close()
	list, args := listQuery(jobs.Filter{Model: "m", States: []jobs.State{jobs.Queued}})
	for name, q := range map[string]struct {
		text string
		args []any
	}{
		"heads": {headsQuery, []any{0}}, "waiting": {waitingQuery, []any{10}}, "overdue": {overdueQuery, []any{0, 10}},
		"hooks": {hooksQuery, []any{0, 10}}, "list": {list, args},
	} {
		rows, err := s.read.Query("EXPLAIN QUERY PLAN "+q.text, q.args...)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			t.Log(name, detail)
			if strings.HasPrefix(detail, "SCAN job") && !strings.Contains(detail, "INDEX") || strings.Contains(detail, "TEMP B-TREE") {
				t.Errorf("%s: %s", name, detail)
			}
		}
		rows.Close()
	}
}

func BenchmarkHeads10k(b *testing.B) {
	path := b.TempDir() + "/jobs.db"
	s, err := Open(b.Context(), path)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var all []jobs.Fresh
	for range 10_000 {
		all = append(all, jobs.Fresh{Job: jobstest.Job("m", "c", 0)})
	}
	if err := s.Insert(b.Context(), all); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if h, err := s.Heads(b.Context(), time.Now().AddDate(50, 0, 0)); err != nil || len(h) != 1 {
			b.Fatal(h, err)
		}
	}
}
