package daemon

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"strings"
	"syscall"

	sd "github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// live are the settings that a server takes up while it runs, at a SIGHUP; all others need a restart. Certificates, API keys and
// functions are read again by themselves when their files change.
var live = []string{"logLevel", "keepLogs", "logsLimit", "promptChars", "denyList", "moderation", "webhookSecret"}

// Live names them for people.
func Live() string { return strings.Join(live[:len(live)-1], ", ") + " and " + live[len(live)-1] }

// hangups are the SIGHUPs from now on; without them the first would end the program at once. One that was started to outlive them,
// as by nohup, hears none.
func hangups() (heard <-chan os.Signal, unhook func()) {
	if signal.Ignored(syscall.SIGHUP) {
		return nil, func() {}
	}
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGHUP)
	return ch, func() { signal.Stop(ch) }
}

// now is the configuration of which what live names is what was read last.
func (p *plane) now() Config {
	if c := p.fresh.Load(); c != nil {
		return *c
	}
	return p.cfg
}

// reload takes up what may change of the configuration, and reads the files anew that the rest names. A wrong one changes nothing.
func (p *plane) reload(ctx context.Context, again func() (Config, error)) {
	var at unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &at)                                                     // there is one everywhere
	_, _ = sd.SdNotify(false, fmt.Sprintf("%s\nMONOTONIC_USEC=%d", sd.SdNotifyReloading, at.Nano()/1e3)) // without systemd nobody listens
	defer func() { _, _ = sd.SdNotify(false, sd.SdNotifyReady) }()
	c, err := again()
	if err == nil {
		err = p.take(ctx, c)
	}
	if err != nil {
		p.log.Error("the configuration cannot be taken up: the one before goes on", "error", err)
		return
	}
	if late := p.needsRestart(c); len(late) > 0 {
		p.log.Warn("the configuration has been read again; a restart takes up the rest", "needRestart", strings.Join(late, ", "))
		return
	}
	p.log.Info("the configuration has been read again")
}

// take makes everything that may be wrong before anything changes.
func (p *plane) take(ctx context.Context, c Config) error {
	vet, err := c.vet()
	if err != nil {
		return err
	}
	secrets, err := c.hookSecrets()
	if err != nil {
		return err
	}
	if p.tokens != nil {
		if err := p.tokens.Reload(ctx); err != nil {
			return fmt.Errorf("the issuer's keys: %w", err)
		}
	}
	p.vetted.Store(&vet)
	p.hooks.Store(&secrets)
	p.setLevel(c)
	p.fresh.Store(&c)
	return nil
}

// needsRestart names the settings that differ from those of the start and are not live.
func (p *plane) needsRestart(c Config) (names []string) {
	was := map[string]any{}
	each(&p.cfg, func(name, _ string, v reflect.Value) { was[name] = v.Interface() })
	each(&c, func(name, _ string, v reflect.Value) {
		if v.Interface() != was[name] && !slices.Contains(live, name) {
			names = append(names, name)
		}
	})
	return names
}
