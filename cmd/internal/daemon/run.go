package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/internal/atrest"
)

// phase is one step of starting the control plane and how it is undone.
type phase struct {
	name  string
	start func(ctx context.Context) error
	stop  func(ctx context.Context) error // nil: nothing to undo
}

// Run runs the control plane until ctx ends, then stops it in order: no new requests, streams and invocations in flight
// within c.Stop, jobs back into the queue, instances, drivers. ready is called with the API's address, as http://HOST:PORT, once it takes requests.
// again reads the configuration anew: SIGHUP has the server take up what it can of it, see live.
func Run(ctx context.Context, c Config, logs io.Writer, again func() (Config, error), ready func(url string)) error {
	p := &plane{cfg: c, failed: make(chan error, 1)}
	p.log = p.logger(c, logs)
	slog.SetDefault(p.log)
	hangups, unhook := hangups()
	defer unhook()
	stop, err := start(ctx, p.phases())
	if err == nil {
		ready(p.url())
		time.AfterFunc(settles, p.letGo)
		stopping := p.tellSystemd()
		err = p.await(ctx, hangups, again)
		stopping()
	}
	p.log.Info("stopping")
	begin := time.Now()
	err = errors.Join(err, stop(context.WithoutCancel(ctx), c.Stop.D()))
	p.log.Info("stopped", "seconds", time.Since(begin).Seconds())
	return err
}

// settles is how long after its start the server lets go of what only its start has needed.
const settles = time.Second

func (p *plane) letGo() {
	debug.FreeOSMemory()
	if _, err := atrest.Release(); err != nil {
		p.log.Warn("this server holds more memory than it needs", "error", err)
	}
}

// await is until ctx ends, or a server fails.
func (p *plane) await(ctx context.Context, hangups <-chan os.Signal, again func() (Config, error)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-p.failed:
			return err
		case <-hangups:
			if _, err := unix.IoctlGetTermios(int(os.Stdin.Fd()), unix.TCGETS); err == nil {
				p.log.Info("the terminal has been closed")
				return nil
			}
			p.reload(ctx, again)
		}
	}
}

// start takes the phases one after the other. The stop it gives undoes those that were taken, in the opposite order; it
// must be called also after an error. All of them share one deadline, after which each is cut short.
func start(ctx context.Context, phases []phase) (stop func(context.Context, time.Duration) error, err error) {
	var taken []phase
	stop = func(ctx context.Context, grace time.Duration) error {
		ctx, cancel := context.WithTimeout(ctx, grace)
		defer cancel()
		var errs []error
		for i := len(taken) - 1; i >= 0; i-- {
			if err := taken[i].stop(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
				errs = append(errs, fmt.Errorf("stop %s: %w", taken[i].name, err))
			}
		}
		return errors.Join(errs...)
	}
	for _, p := range phases {
		if err := p.start(ctx); err != nil {
			return stop, fmt.Errorf("start %s: %w", p.name, err)
		}
		if p.stop != nil {
			taken = append(taken, p)
		}
	}
	return stop, nil
}

func (p *plane) logger(c Config, w io.Writer) *slog.Logger {
	p.setLevel(c)
	o := &slog.HandlerOptions{Level: &p.level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

func (p *plane) setLevel(c Config) {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // Validate has checked it
	p.level.Set(level)
}

// listen opens a TCP port; one in use is told with the next step.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w; stop what uses it, or choose another with --listen", addr, err)
	}
	return l, nil
}
