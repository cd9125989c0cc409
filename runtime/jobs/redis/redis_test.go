package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func TestMain(m *testing.M) {
	if how := os.Getenv(nodeEnv); how != "" {
		if err := nodeMain(how); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, url, prefix string) *Store {
	t.Helper()
	s, err := Open(context.Background(), url, prefix, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestConformance(t *testing.T) {
	r := jobstest.StartRedis(t)
	jobstest.Run(t, func(*testing.T) jobstest.Open {
		prefix := uuid.NewString()
		return func(t *testing.T) jobs.Backend { return open(t, r.URL, prefix) }
	})
}

// TestCluster runs the suite on a Redis Cluster of one node, which refuses a command whose keys lie in several slots as a
// larger one does.
func TestCluster(t *testing.T) {
	r := jobstest.StartRedis(t, "--cluster-enabled", "yes")
	db := redis.NewClient(&redis.Options{Addr: r.Addr})
	defer db.Close()
	if err := db.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); !strings.Contains(db.ClusterInfo(t.Context()).Val(), "cluster_state:ok"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the cluster does not come up")
		}
	}
	jobstest.Run(t, func(*testing.T) jobstest.Open {
		prefix := uuid.NewString()
		return func(t *testing.T) jobs.Backend { return open(t, r.URL, prefix) }
	})
	s := open(t, r.URL, "")
	woken := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	changes := make(chan error, 1)
	go func() { changes <- s.Changes(ctx, func(string) {}) }()
	go func() {
		woken <- s.Follow(ctx, "j", "0-0", func() {}, func(e jobs.Event) error { return errors.New(e.Type) })
	}()
	if err := s.Publish(ctx, "j", jobs.Event{Type: "completed", Data: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	if err := <-woken; err.Error() != "completed" {
		t.Fatal(err)
	}
	cancel()
	<-changes
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	if _, err := Open(t.Context(), "http://x", "", nil); !errdefs.IsInvalidArgument(err) {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if _, err := Open(ctx, "redis://127.0.0.1:1/0", "", nil); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Error(err)
	}
}

func TestNamesRoundTrip(t *testing.T) {
	for _, n := range []string{"", "a", "a:b", "%3A", "a\x1fb", "ü %", "%"} {
		g := jobs.Group{Model: n, Priority: jobs.Low, Client: n}
		if got, ok := parseGroup(groupName(g)); !ok || got != g {
			t.Errorf("%q became %+v", n, got)
		}
	}
}

func TestFeedResumesOnAnotherNode(t *testing.T) {
	r := jobstest.StartRedis(t)
	a, b := open(t, r.URL, ""), open(t, r.URL, "")
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	wg.Go(func() { _ = b.Changes(ctx, func(string) {}) })
	for i := range 3 {
		if err := a.Publish(ctx, "j", jobs.Event{Type: "progress", Data: []byte(fmt.Sprint(i))}); err != nil {
			t.Fatal(err)
		}
	}
	var first []jobs.Event
	enough := errors.New("enough")
	collect := func(n int, into *[]jobs.Event) func(jobs.Event) error {
		return func(e jobs.Event) error {
			if *into = append(*into, e); len(*into) == n {
				return enough
			}
			return nil
		}
	}
	if err := b.Follow(ctx, "j", "0-0", func() {}, collect(3, &first)); !errors.Is(err, enough) {
		t.Fatal(err)
	}
	var rest []jobs.Event
	ready := func() {
		if err := a.Publish(ctx, "j", jobs.Event{Type: "completed", Data: []byte("{}")}); err != nil {
			t.Error(err)
		}
	}
	if err := b.Follow(ctx, "j", first[0].ID, ready, collect(3, &rest)); !errors.Is(err, enough) {
		t.Fatal(err)
	}
	if string(rest[0].Data) != "1" || string(rest[1].Data) != "2" || rest[2].Type != "completed" {
		t.Fatalf("%+v", rest)
	}
}

// cluster is several nodes on one Redis and one outputs folder.
type cluster struct {
	t     *testing.T
	redis *jobstest.Redis
	dir   string
	lease time.Duration
}

type node struct {
	*jobs.Service
	store  *Store
	runner *jobstest.Runner
}

func (c *cluster) node(name string, script func(context.Context, jobstest.Call) (*spec.Result, error), models jobstest.Models) *node {
	c.t.Helper()
	n := &node{store: open(c.t, c.redis.URL, "t"), runner: &jobstest.Runner{Script: script}}
	if models == nil {
		models = jobstest.Models{"m": {Name: "m", Function: "m", Concurrency: 2}}
	}
	s, err := jobs.New(jobs.Config{Node: name, Outputs: filepath.Join(c.dir, "outputs"), Lease: c.lease, Yield: c.lease, MinFree: 1, Retry: jobs.Backoff{Base: time.Millisecond, Max: time.Millisecond}},
		jobs.Deps{Store: n.store, Runner: n.runner, Models: models, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		c.t.Fatal(err)
	}
	if err := s.Start(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	n.Service = s
	c.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			c.t.Error(err)
		}
	})
	return n
}

func newCluster(t *testing.T) *cluster {
	return &cluster{t, jobstest.StartRedis(t), t.TempDir(), time.Second}
}

func (c *cluster) submit(n *node, count int) (ids []string) {
	c.t.Helper()
	for i := range count {
		got, _, err := n.Submit(c.t.Context(), []jobs.Submit{{Model: "m", Client: "c", Request: jobstest.Ask(fmt.Sprint("p", i)), Key: fmt.Sprint("k", i)}})
		if err != nil {
			c.t.Fatal(err)
		}
		ids = append(ids, got[0].ID)
	}
	return ids
}

func wait(t *testing.T, n *node, id string) jobs.Job {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	j, err := n.Wait(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestAnyNodeAnswersAndCancels(t *testing.T) {
	c := newCluster(t)
	c.lease = time.Hour // a cancel that is only noticed when the lease is renewed comes after wait has given up
	up := make(chan struct{}, 1)
	a := c.node("a", func(ctx context.Context, call jobstest.Call) (*spec.Result, error) {
		call.Progress(spec.Progress{Phase: "denoise", Step: 1, Steps: 9})
		up <- struct{}{}
		return jobstest.Block(ctx)
	}, nil)
	b := c.node("b", nil, jobstest.Models{"m": {Name: "m", Function: "m", Concurrency: 0}})
	id := c.submit(b, 1)[0]
	<-up
	if _, err := b.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if j := wait(t, b, id); j.State != jobs.Cancelled {
		t.Fatal(j.State)
	}
	if j, err := a.Get(t.Context(), id); err != nil || j.State != jobs.Cancelled {
		t.Fatalf("%+v, %v", j, err)
	}
}

func TestResultIsReadOnAnyNode(t *testing.T) {
	c := newCluster(t)
	c.node("a", nil, nil)
	b := c.node("b", nil, jobstest.Models{"m": {Name: "m", Function: "m", Concurrency: 0}})
	id := c.submit(b, 1)[0]
	if j := wait(t, b, id); j.State != jobs.Completed {
		t.Fatalf("%+v", j)
	}
	f, _, err := b.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, _ := io.ReadAll(f); string(got) != "clip of p0" {
		t.Fatalf("%q", got)
	}
}

func TestWarmNodeGetsTheJob(t *testing.T) {
	c := newCluster(t)
	c.lease = time.Minute // a machine that is busy for a second must not make the warm node seem dead
	warm := c.node("warm", nil, jobstest.Models{"m": {Name: "m", Function: "m", Concurrency: 1, Instances: 1}})
	cold := c.node("cold", nil, jobstest.Models{"m": {Name: "m", Function: "m", Concurrency: 1}})
	for _, id := range c.submit(cold, 5) {
		wait(t, cold, id)
	}
	if n := len(warm.runner.Calls()); n != 5 {
		t.Fatalf("the warm node ran %d of 5", n)
	}
}

// TestLateNodeCannotFinish cuts a node off while it runs a job: the job is run by another, and when the first comes back
// with its result, that is refused and its file removed.
func TestLateNodeCannotFinish(t *testing.T) {
	c := newCluster(t)
	started, release := make(chan struct{}, 1), make(chan struct{})
	var late atomic.Int32
	a := c.node("a", func(_ context.Context, call jobstest.Call) (*spec.Result, error) {
		started <- struct{}{}
		<-release // deaf to its cancel, as a hung driver is
		late.Add(1)
		return jobstest.Stream(200, "video/mp4", []byte("late")), nil
	}, nil)
	id := c.submit(a, 1)[0]
	<-started
	// The cut: what the node writes from now on fails until its lease is over.
	cut := open(t, c.redis.URL, "t")
	j, err := cut.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	stolen := j
	stolen.State, stolen.Lease = jobs.Queued, nil
	if _, err := cut.Swap(t.Context(), j, stolen); err != nil {
		t.Fatal(err)
	}
	b := c.node("b", nil, nil)
	got := wait(t, b, id)
	close(release)
	if got.State != jobs.Completed {
		t.Fatalf("%+v", got)
	}
	a.Stop(t.Context())
	f, _, err := b.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if text, _ := io.ReadAll(f); string(text) != "clip of p0" || got.Token != 2 || late.Load() != 1 {
		t.Fatalf("token %d, clip %q", got.Token, text)
	}
	files, _ := filepath.Glob(filepath.Join(c.dir, "outputs", "*.mp4"))
	if len(files) != 1 {
		t.Fatalf("files: %v", files)
	}
}

// TestRedisCrash kills Redis again and again while two nodes work on its queue.
func TestRedisCrash(t *testing.T) {
	c := newCluster(t)
	var runs sync.Map
	script := func(ctx context.Context, call jobstest.Call) (*spec.Result, error) {
		n, _ := runs.LoadOrStore(call.JobID, new(atomic.Int32))
		n.(*atomic.Int32).Add(1)
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
		}
		return jobstest.Stream(200, "video/mp4", jobstest.Clip(call.Request)), nil
	}
	a, _ := c.node("a", script, nil), c.node("b", script, nil)
	ids := c.submit(a, 60)
	for range 3 {
		time.Sleep(60 * time.Millisecond) // let them work; the moment of the crash does not matter
		c.redis.Kill()
		c.redis.Start(t)
	}
	for _, id := range ids {
		j := waitLong(t, a, id)
		if j.State != jobs.Completed {
			t.Fatalf("lost: %+v %+v", j, j.Problem)
		}
	}
	tally, err := a.Tally(t.Context(), "m")
	if err != nil || tally.Completed != int64(len(ids)) {
		t.Fatalf("%d completions of %d jobs, %v", tally.Completed, len(ids), err)
	}
}

func waitLong(t *testing.T, n *node, id string) jobs.Job {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		if j, err := n.Wait(ctx, id); err == nil && j.State.Ended() {
			return j
		}
		if ctx.Err() != nil {
			t.Fatal("the job does not end")
		}
		time.Sleep(20 * time.Millisecond)
	}
}
