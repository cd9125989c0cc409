package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

// cluster asks the same of several nodes on one Redis: nodes are killed at random, and so is Redis, which then reads its
// append-only file.
func cluster(ctx context.Context, b *bench, r *harness.Report) error {
	p, err := b.place("redis", "20ms", 2)
	if err != nil {
		return err
	}
	db, err := startRedis(filepath.Join(p.dir, "db"))
	if err != nil {
		return err
	}
	defer db.kill()
	var nodes []*node
	for i := range 3 {
		n, err := newNode(p, fmt.Sprintf("node%d", i), "--queue", "redis://"+db.addr+"/0")
		if err != nil {
			return err
		}
		defer n.stop()
		if err := n.start(ctx); err != nil {
			return err
		}
		nodes = append(nodes, n)
	}
	l, look := newLoad(4, 40, nodes...), newLookout(nodes[0].outputs)
	l.start(ctx)
	for i := range b.redisKills {
		time.Sleep(time.Duration(rand.Int64N(int64(b.between))))
		if i%5 == 4 {
			db.kill()
			if err := db.start(); err != nil {
				return err
			}
			continue
		}
		n := nodes[rand.IntN(len(nodes))]
		n.kill()
		if _, err := n.restart(ctx); err != nil {
			return fmt.Errorf("start after kill %d: %w", i+1, err)
		}
	}
	l.end()
	if err := l.drain(ctx, 2*time.Minute); err != nil {
		return err
	}
	v, err := verify(ctx, nodes[0], l)
	if err != nil {
		return err
	}
	v.add(look.end())
	for _, n := range nodes {
		n.stop()
	}
	v.report(r, "redis")
	r.Figure("redis_kills", float64(b.redisKills))
	return b.complain(v)
}

// redis is a redis-server of the bench's own.
type redis struct {
	dir, addr string
	cmd       *exec.Cmd
}

func startRedis(dir string) (*redis, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &redis{dir: dir, addr: l.Addr().String()}
	l.Close()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return r, r.start()
}

func (r *redis) start() error {
	_, port, err := net.SplitHostPort(r.addr)
	if err != nil {
		return err
	}
	r.cmd = exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", r.dir, "--appendonly", "yes", "--appendfsync", "always", "--save", "")
	if err := r.cmd.Start(); err != nil {
		return fmt.Errorf("%w: apt-get install redis-server", err)
	}
	for range 1000 {
		if c, err := net.Dial("tcp", r.addr); err == nil {
			return c.Close()
		}
		time.Sleep(5 * time.Millisecond)
	}
	return fmt.Errorf("redis-server does not listen on %s", r.addr)
}

func (r *redis) kill() {
	if r.cmd != nil {
		r.cmd.Process.Kill()
		r.cmd.Wait()
		r.cmd = nil
	}
}
