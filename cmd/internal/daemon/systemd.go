package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	sd "github.com/coreos/go-systemd/v22/daemon"
)

// handed is the listener that systemd has opened for this process; nil when it has opened none.
func handed() (net.Listener, error) {
	all, err := activation.Listeners()
	if err != nil || len(all) == 0 {
		return nil, err
	}
	if len(all) > 1 || all[0] == nil {
		return nil, fmt.Errorf("systemd hands over %d sockets: videosdgx.socket must have one ListenStream= of TCP", len(all))
	}
	return all[0], nil
}

// tellSystemd says that the server is ready, and from then on, as often as the unit's WatchdogSec= wants, that it answers.
// Without systemd it does nothing. The stop that it gives says that the server stops.
func (p *plane) tellSystemd() (stop func()) {
	_, _ = sd.SdNotify(false, sd.SdNotifyReady) // without a socket to tell there is nobody to tell
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.watchdog(ctx)
	}()
	return func() {
		cancel()
		<-done
		_, _ = sd.SdNotify(false, sd.SdNotifyStopping)
	}
}

func (p *plane) watchdog(ctx context.Context) {
	every, err := sd.SdWatchdogEnabled(false)
	if err != nil || every == 0 {
		return
	}
	tick := time.NewTicker(every / 3)
	defer tick.Stop()
	for {
		if err := p.alive(ctx, every/3); err == nil {
			_, _ = sd.SdNotify(false, sd.SdNotifyWatchdog)
		} else if ctx.Err() == nil {
			p.log.Error("the server does not answer itself: systemd is not told that it lives", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// alive asks what a client would, and what needs the queue: a server whose queue hangs is no better than one that is gone.
func (p *plane) alive(ctx context.Context, patience time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/v1/health", nil)
		r.Host = "localhost"
		p.server.Handler().ServeHTTP(w, r)
		_, _, err := p.jobs.Load(ctx, "")
		if w.Code != http.StatusOK {
			err = errors.Join(err, fmt.Errorf("health is %d", w.Code))
		}
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
