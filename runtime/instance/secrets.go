package instance

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"
	"golang.org/x/sys/unix"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
)

// tellSecrets puts the function's secrets into guest.json, which init reads as it starts. hide takes them away again: nothing
// that lies on the disk, and nothing that a driver keeps of an instance, has them for longer than a start.
func (i *Instance) tellSecrets() (hide func(), err error) {
	switch {
	case len(i.cfg.Function.Secrets) == 0:
		return func() {}, nil
	case i.cfg.Secrets == nil:
		return nil, fmt.Errorf("start instance %s: its function has secrets, and nobody keeps any here: %w", i.cfg.ID, errdefs.ErrFailedPrecondition)
	}
	secret, err := i.cfg.Secrets()
	if err != nil {
		return nil, fmt.Errorf("start instance %s: %w", i.cfg.ID, err)
	}
	plain := i.guest()
	whole := plain
	whole.Env = maps.Clone(plain.Env)
	if whole.Env == nil {
		whole.Env = map[string]string{}
	}
	maps.Copy(whole.Env, secret)
	if err := i.rewrite(whole); err != nil {
		return nil, err
	}
	return func() { _ = i.rewrite(plain) }, nil // the folder goes with the instance at the latest
}

// rewrite changes guest.json in place, so that it stays whose it is. The instance may have put anything there by now:
// nothing is followed.
func (i *Instance) rewrite(c wire.Config) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(i.cfg.Dir, wire.ConfigFile), os.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("write the instance's configuration: %w", err)
	}
	defer f.Close()
	if _, err := f.WriteAt(text, 0); err != nil {
		return fmt.Errorf("write the instance's configuration (is the disk full?): %w", err)
	}
	if err := f.Truncate(int64(len(text))); err != nil {
		return err
	}
	return f.Sync()
}
