package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// nodeEnv makes the test binary a node: name, Redis URL and folder, by "|".
const nodeEnv = "VIDEOSDGX_TEST_JOBS_NODE"

// nodeMain serves the queue until SIGTERM. Its clips say who made them.
func nodeMain(how string) error {
	p := strings.Split(how, "|")
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	store, err := Open(ctx, p[1], "t", nil)
	if err != nil {
		return err
	}
	defer store.Close()
	script := func(ctx context.Context, c jobstest.Call) (*spec.Result, error) {
		select {
		case <-time.After(40 * time.Millisecond):
			return jobstest.Stream(200, "video/mp4", []byte(p[0]+" "+c.Request.Prompt)), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s, err := jobs.New(jobs.Config{Node: p[0], Outputs: filepath.Join(p[2], "outputs"), Lease: time.Second, MinFree: 1},
		jobs.Deps{Store: store, Runner: &jobstest.Runner{Script: script}, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)),
			Models: jobstest.Models{"m": {Name: "m", Function: "m", Concurrency: 1}}})
	if err == nil {
		err = s.Start(ctx)
	}
	if err != nil {
		return err
	}
	<-ctx.Done()
	end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return s.Stop(end)
}

// lab is a network of namespaces: a hub with a bridge and Redis, and one per node.
type lab struct {
	t    *testing.T
	hub  netns.NsHandle
	dir  string
	sock string
	tag  string
}

// inside runs fn on a thread of its own in a namespace; the thread is thrown away with its namespace.
func inside(ns netns.NsHandle, fn func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if err := netns.Set(ns); err != nil {
			done <- err
			return
		}
		done <- fn()
	}()
	return <-done
}

func (l *lab) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// namespace makes an unnamed one, which goes when the test closes it and nothing runs in it.
func (l *lab) namespace() netns.NsHandle {
	l.t.Helper()
	var ns netns.NsHandle
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		var err error
		ns, err = netns.New()
		if err == nil {
			err = up("lo")
		}
		done <- err
	}()
	l.must(<-done)
	l.t.Cleanup(func() { ns.Close() })
	return ns
}

func up(name string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	return netlink.LinkSetUp(link)
}

func addr(name, cidr string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	a, err := netlink.ParseAddr(cidr)
	if err != nil {
		return err
	}
	return errors.Join(netlink.AddrAdd(link, a), netlink.LinkSetUp(link))
}

// hubMAC stays the bridge's; one that it was not given it would take from its ports, and change as they come and go.
var hubMAC = net.HardwareAddr{2, 0, 0, 0, 0, 1}

func newLab(t *testing.T) *lab {
	if os.Geteuid() != 0 {
		if os.Getenv("VIDEOSDGX_TEST_CONTAINERD") == "1" {
			t.Fatal("network namespaces need root")
		}
		t.Skip("network namespaces need root: three nodes on a network were NOT tested")
	}
	l := &lab{t: t, dir: t.TempDir(), tag: uuid.NewString()[:6]}
	l.sock = filepath.Join(os.TempDir(), "vdx-"+l.tag+".sock") // a unix socket's path is short
	t.Cleanup(func() { os.Remove(l.sock) })
	l.hub = l.namespace()
	l.must(inside(l.hub, func() error {
		return errors.Join(netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0", HardwareAddr: hubMAC}}), addr("br0", "10.99.0.1/24"))
	}))
	l.redis()
	return l
}

func (l *lab) redis() {
	l.t.Helper()
	cmd := exec.Command("redis-server", "--port", "6379", "--bind", "10.99.0.1", "--protected-mode", "no", "--unixsocket", l.sock,
		"--dir", l.dir, "--appendonly", "yes", "--appendfsync", "always", "--save", "")
	l.must(inside(l.hub, cmd.Start))
	l.t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	l.answers(l.hub, "unix", l.sock, 10*time.Second)
}

// member starts node number i in a namespace of its own.
func (l *lab) member(i int) *exec.Cmd {
	l.t.Helper()
	ns, name := l.namespace(), fmt.Sprintf("node%d", i)
	l.must(inside(l.hub, func() error {
		v := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: "eth0", PeerNamespace: netlink.NsFd(ns)}
		if err := netlink.LinkAdd(v); err != nil {
			return err
		}
		br, err := netlink.LinkByName("br0")
		if err != nil {
			return err
		}
		return errors.Join(netlink.LinkSetMaster(v, br), netlink.LinkSetUp(v))
	}))
	l.must(inside(ns, func() error { return addr("eth0", fmt.Sprintf("10.99.0.%d/24", 10+i)) }))
	l.answers(ns, "tcp", "10.99.0.1:6379", 10*time.Second) // a new port of the bridge takes a moment to forward
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), nodeEnv+"="+name+"|redis://10.99.0.1:6379/0|"+l.dir)
	log, err := os.Create(filepath.Join(l.dir, name+".log"))
	l.must(err)
	cmd.Stdout, cmd.Stderr = log, log
	l.must(inside(ns, cmd.Start))
	l.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if text, err := os.ReadFile(log.Name()); err == nil && l.t.Failed() {
			l.t.Logf("%s:\n%.4000s", name, text)
		}
	})
	return cmd
}

// answers waits until an address can be connected to from a namespace.
func (l *lab) answers(ns netns.NsHandle, network, address string, patience time.Duration) {
	l.t.Helper()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		err = inside(ns, func() error {
			c, err := net.DialTimeout(network, address, 250*time.Millisecond)
			if err == nil {
				err = c.Close()
			}
			return err
		})
		if err == nil {
			return
		}
	}
	l.t.Fatalf("Redis does not answer at %s: %v", address, err)
}

// link cuts a node off or brings it back.
func (l *lab) link(i int, on bool) {
	l.t.Helper()
	l.must(inside(l.hub, func() error {
		link, err := netlink.LinkByName(fmt.Sprintf("node%d", i))
		if err != nil {
			return err
		}
		if on {
			return netlink.LinkSetUp(link)
		}
		return netlink.LinkSetDown(link)
	}))
}

// TestThreeNodesOnANetwork kills one node and cuts another off, and brings that back: no job is lost, none is finished
// twice, and the node that came back works again.
func TestThreeNodesOnANetwork(t *testing.T) {
	l := newLab(t)
	store, err := Open(t.Context(), "unix://"+l.sock, "t", nil)
	l.must(err)
	t.Cleanup(func() { store.Close() })
	// The tester is a node that runs nothing itself.
	me, err := jobs.New(jobs.Config{Node: "tester", Outputs: filepath.Join(l.dir, "outputs"), Lease: time.Second, MinFree: 1},
		jobs.Deps{Store: store, Runner: &jobstest.Runner{}, Log: slog.New(slog.DiscardHandler), Models: jobstest.Models{"m": {Name: "m", Function: "m"}}})
	l.must(err)
	l.must(me.Start(t.Context()))
	t.Cleanup(func() { me.Stop(context.Background()) })
	doomed := l.member(1)
	l.member(2)
	l.member(3)
	n := &node{Service: me}
	c := &cluster{t: t, dir: l.dir}
	for _, name := range []string{"node1", "node2", "node3"} {
		c.untilMadeBy(n, name) // else the others may have done all of it before this one is up
	}
	first := c.submit(n, 90)
	c.runs(n, "node1", first)
	doomed.Process.Kill()
	c.runs(n, "node2", first)
	l.link(2, false)
	makers := c.makers(n, first)
	l.link(2, true)
	if makers["node3"] == 0 {
		t.Fatalf("made by %v", makers)
	}
	c.untilMadeBy(n, "node2")
	tally, err := me.Tally(t.Context(), "m")
	l.must(err)
	all, err := me.List(t.Context(), jobs.Filter{Limit: 100_000})
	l.must(err)
	if int(tally.Completed) != len(all) {
		t.Fatalf("%d completions of %d jobs", tally.Completed, len(all))
	}
}

// runs waits until a node has finished one of the jobs.
func (c *cluster) runs(n *node, name string, ids []string) {
	c.t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for time.Now().Before(deadline) {
		for _, id := range ids {
			if c.maker(n, id) == name {
				return
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	c.t.Fatalf("%s has made nothing", name)
}

func (c *cluster) maker(n *node, id string) string {
	f, _, err := n.Open(c.t.Context(), id)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, _ := io.ReadAll(f)
	name, _, _ := strings.Cut(string(b), " ")
	return name
}

func (c *cluster) makers(n *node, ids []string) map[string]int {
	c.t.Helper()
	out := map[string]int{}
	for _, id := range ids {
		if j := waitLong(c.t, n, id); j.State != jobs.Completed {
			c.t.Fatalf("lost: %+v %+v", j, j.Problem)
		}
		out[c.maker(n, id)]++
	}
	return out
}

// untilMadeBy submits until a node has made one of the clips.
func (c *cluster) untilMadeBy(n *node, name string) {
	c.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for i := 0; time.Now().Before(deadline); i++ {
		got, _, err := n.Submit(c.t.Context(), []jobs.Submit{
			{Model: "m", Client: "late", Request: jobstest.Ask(fmt.Sprint("a", i))}, {Model: "m", Client: "late", Request: jobstest.Ask(fmt.Sprint("b", i))}})
		if err != nil {
			c.t.Fatal(err)
		}
		if c.makers(n, []string{got[0].ID, got[1].ID})[name] > 0 {
			return
		}
	}
	c.t.Fatalf("%s does not work", name)
}
