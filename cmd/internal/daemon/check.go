package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/videosdgx/videosdgx/runtime/events/outgoing"
	"github.com/videosdgx/videosdgx/runtime/gateway/rest"
)

// Check says everything that would keep a server of a configuration from starting, as far as files tell; it touches nothing.
func Check(c Config) error {
	p := &plane{cfg: c, log: slog.New(slog.DiscardHandler)}
	p.cfg.Audit = "off" // its folder is not made here
	var errs []error
	add := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	add(p.openAccess(context.Background()))
	if c.ACME == "" {
		add(p.openTLS(context.Background()))
	}
	_, err := p.queueTLS()
	add(err)
	add(c.tracing(p.log).Check(os.Getenv))
	_, err = c.vet()
	add(err)
	_, err = rest.NewCORS(c.Origins, "/v1/")
	add(err)
	_, err = outgoing.NewGuard(c.Outgoing)
	add(err)
	if c.Backup != "" {
		_, err = OpenBackups(c.Backup, BackupOptions{Recipients: list(c.BackupFor)})
		add(err)
	}
	if st, err := os.Stat(c.Init); err != nil {
		add(fmt.Errorf("init: %w; it lies beside videosdgx where both were installed", err))
	} else if st.Mode()&0o111 == 0 {
		add(fmt.Errorf("init: %s is no program", c.Init))
	}
	return errors.Join(errs...)
}
