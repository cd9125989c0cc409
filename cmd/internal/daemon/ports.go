package daemon

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/access"
	"github.com/videosdgx/videosdgx/runtime/gateway/rest"
)

// ports serves each model on a port of its own, as its manifest says, and follows the manifests as they change. A port
// that cannot be had is told in the log: the model is served on the gateway all the same.
type ports struct {
	plane *plane
	api   *rest.API

	mu   sync.Mutex
	open map[string]*modelPort // by address
	done bool
}

type modelPort struct {
	model  string
	server *gateway.Server
	ended  chan struct{}
}

func (p *plane) openPorts(ctx context.Context) error {
	p.ports = &ports{plane: p, api: p.rest, open: map[string]*modelPort{}}
	if p.cfg.ModelHost == "none" {
		return nil
	}
	p.registry.Subscribe(func(string) { p.ports.follow(context.WithoutCancel(ctx)) })
	p.ports.follow(ctx)
	return nil
}

// follow opens the ports that are wanted and closes the others.
func (s *ports) follow(ctx context.Context) {
	fns, err := s.plane.registry.List(ctx)
	if err != nil {
		return
	}
	want := map[string]string{}
	for _, fn := range fns {
		if fn.Model != nil && fn.Model.Port > 0 {
			want[net.JoinHostPort(s.plane.cfg.ModelHost, strconv.Itoa(fn.Model.Port))] = fn.Model.Name
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for addr, port := range s.open {
		if want[addr] != port.model {
			if err := s.closeLocked(ctx, addr); err != nil {
				s.plane.log.Warn("model port closed before its requests had ended", "model", port.model, "address", addr, "error", err)
			}
		}
	}
	for addr, model := range want {
		if s.open[addr] == nil && !s.done {
			s.openLocked(ctx, addr, model)
		}
	}
}

func (s *ports) openLocked(ctx context.Context, addr, model string) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		s.plane.log.Warn("model port not opened", "model", model, "address", addr, "error", err)
		return
	}
	cors, err := rest.NewCORS(s.plane.cfg.Origins, "/")
	if err != nil {
		s.plane.log.Error("model port not opened", "model", model, "error", err, "close", l.Close())
		return
	}
	routes := []gateway.Routes{s.api.Model(model)}
	traced, routed := s.plane.traced(nil)
	p := &modelPort{model: model, ended: make(chan struct{}), server: gateway.New(gateway.Options{
		Routes: routes, Wrap: []func(http.Handler) http.Handler{cors.Wrap, s.plane.access.Guard(access.Listener{Routes: routes}), traced}, Routed: routed, Log: s.plane.log, Hosts: s.plane.hosts(), Proxies: s.plane.proxies, Connections: s.plane.connections,
	})}
	s.plane.sayWho(l.Addr())
	s.open[addr] = p
	s.plane.log.Info("model port open", "model", model, "address", addr)
	go func() {
		defer close(p.ended)
		if err := s.plane.serve(p.server, l); err != nil {
			s.plane.log.Error("model port failed", "model", model, "error", err)
		}
	}()
}

func (s *ports) closeLocked(ctx context.Context, addr string) error {
	p := s.open[addr]
	delete(s.open, addr)
	err := p.server.Stop(ctx)
	<-p.ended
	return err
}

func (s *ports) stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = true
	var errs []error
	for addr := range s.open {
		errs = append(errs, s.closeLocked(ctx, addr))
	}
	return errors.Join(errs...)
}
