package containerd

import (
	"context"
	"log/slog"
	"path/filepath"

	"github.com/vishvananda/netns"
)

// netPool keeps a few network namespaces ready, by handle only: those not used vanish with this process.
type netPool struct {
	dir   string
	ready chan netns.NsHandle
	stop  context.CancelFunc
	done  chan struct{}
	log   *slog.Logger
}

func newNetPool(dir string, size int, log *slog.Logger) *netPool {
	ctx, stop := context.WithCancel(context.Background())
	p := &netPool{dir: dir, ready: make(chan netns.NsHandle, max(size, 0)), stop: stop, done: make(chan struct{}), log: log}
	go p.fill(ctx, size)
	return p
}

// fill blocks in the send while the pool is full.
func (p *netPool) fill(ctx context.Context, size int) {
	defer close(p.done)
	for size > 0 && ctx.Err() == nil {
		ns, err := newNetns()
		if err != nil {
			p.log.Warn("cannot make network namespaces ahead of time", "err", err)
			return
		}
		select {
		case p.ready <- ns:
		case <-ctx.Done():
			_ = ns.Close()
		}
	}
}

// path is where an instance's namespace is pinned.
func (p *netPool) path(id string) string { return filepath.Join(p.dir, id) }

// take pins a namespace for an instance, one of the pool or a new one.
func (p *netPool) take(id string) (string, error) {
	var ns netns.NsHandle
	select {
	case ns = <-p.ready:
	default:
		var err error
		if ns, err = newNetns(); err != nil {
			return "", err
		}
	}
	defer ns.Close()
	return p.path(id), pinNetns(ns, p.path(id))
}

// drop unpins an instance's namespace.
func (p *netPool) drop(id string) error { return dropNetns(p.path(id)) }

func (p *netPool) close() {
	p.stop()
	<-p.done
	for {
		select {
		case ns := <-p.ready:
			_ = ns.Close()
		default:
			return
		}
	}
}
