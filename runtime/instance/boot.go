package instance

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/guest/client"
	"github.com/videosdgx/videosdgx/runtime/guest/wire"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// initSlack is what starting init and telling of a late function may take beyond the function's own initTimeout.
const initSlack = 5 * time.Second

// Stage makes everything but a process of the image: absent → staged. On error the instance is of no use but needs Stop.
func (i *Instance) Stage(ctx context.Context) (time.Duration, error) {
	begin := time.Now()
	if err := i.furnish(); err != nil {
		return 0, err
	}
	box, err := i.sb.Create(ctx, i.cfg)
	if err != nil {
		return 0, fmt.Errorf("create an instance of %s: %w", i.cfg.Function.Name, err)
	}
	i.box = box
	return time.Since(begin), i.do(func(l *life) error { return l.to(spec.Staged) })
}

// Start runs a staged instance's command and waits for its first /next: staged → starting → idle. since is when
// somebody began to want the instance, for its status.
func (i *Instance) Start(ctx context.Context, since time.Time) (start, init time.Duration, err error) {
	begin := time.Now()
	if err := i.do(func(l *life) error { return l.to(spec.Starting) }); err != nil {
		return 0, 0, err
	}
	hide, err := i.tellSecrets()
	if err != nil {
		return 0, 0, err
	}
	defer hide() // init has read them, or never will
	i.Tell(spec.StartStep{Phase: spec.PhaseStart})
	if err := i.box.Start(ctx); err != nil {
		return 0, 0, fmt.Errorf("start instance %s: %w", i.cfg.ID, i.startError(err))
	}
	start = time.Since(begin)
	begin = time.Now()
	i.Tell(spec.StartStep{Phase: spec.PhaseInit})
	if err := i.ready(ctx); err != nil {
		return start, 0, err
	}
	return start, time.Since(begin), i.serve(plain, since)
}

// Restore brings an instance back from a checkpoint: absent → restoring → idle.
func (i *Instance) Restore(ctx context.Context, dir string, since time.Time) (restore, init time.Duration, err error) {
	r, err := RestorerOf(i.sb)
	if err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	if err := errors.Join(i.do(func(l *life) error { return l.to(spec.Restoring) }), i.furnish()); err != nil {
		return 0, 0, err
	}
	i.Tell(spec.StartStep{Phase: spec.PhaseRestore})
	if i.box, err = r.Restore(ctx, i.cfg.restored(), dir); err != nil {
		return 0, 0, fmt.Errorf("restore an instance of %s: %w", i.cfg.Function.Name, err)
	}
	restore = time.Since(begin)
	begin = time.Now()
	if err := i.while(ctx, func(ctx context.Context) error { return client.Restored(ctx, i.box.Dial, news(i.cfg.ID)) }); err != nil {
		return restore, 0, i.startError(err)
	}
	if err := os.WriteFile(i.ownMark(), nil, 0o600); err != nil {
		return restore, 0, fmt.Errorf("note that instance %s is one of its own (is the disk full?): %w", i.cfg.ID, err)
	}
	if err := i.ready(ctx); err != nil {
		return restore, 0, err
	}
	return restore, time.Since(begin), i.serve(snapshot, since)
}

// The ways of starting, and the label that tells a later control plane of one that is not plain.
const (
	plain, snapshot = "plain", "snapshot"
	labelStartedBy  = "videosdgx.startedBy"
	labelGPUs       = "videosdgx.gpus" // those that were chosen for it
)

// ownMark is a file that is there once a restored instance has random numbers of its own. Without it none is adopted: two
// that a control plane left in the middle of their restores would draw the same ones.
func (i *Instance) ownMark() string { return filepath.Join(i.cfg.Dir, "restored") }

// restored is the configuration of an instance that is made from a checkpoint.
func (c Config) restored() Config {
	c.Labels = maps.Clone(c.Labels)
	if c.Labels == nil {
		c.Labels = map[string]string{}
	}
	c.Labels[labelStartedBy] = snapshot
	return c
}

// news is what a restored process cannot know: who it is now, and fresh randomness.
func news(id string) wire.RestoredHead {
	entropy := make([]byte, 64)
	_, _ = rand.Read(entropy) // never fails, says crypto/rand
	return wire.RestoredHead{InstanceID: id, Entropy: entropy, UnixNano: time.Now().UnixNano()}
}

// Adopt takes over a box that an earlier control plane started, once its function answers: absent → … → idle. It thaws
// one that was frozen between two events.
func (i *Instance) Adopt(ctx context.Context, box Box) error {
	i.box = box
	if l := box.Labels()[labelGPUs]; l != "" {
		i.Give(strings.Split(l, ","))
	}
	by := cmp.Or(box.Labels()[labelStartedBy], plain)
	if _, err := os.Stat(i.ownMark()); by == snapshot && err != nil {
		return fmt.Errorf("it was being restored when its control plane ended: %w", err)
	}
	err := i.do(func(l *life) error { return errors.Join(l.to(spec.Staged), l.to(spec.Starting)) })
	if f, ok := box.(Freezer); ok && err == nil {
		err = f.Thaw(ctx)
	}
	if err == nil {
		err = i.ready(ctx)
	}
	if err != nil {
		return err
	}
	return i.serve(by, time.Now())
}

// serve takes the last step of a start.
func (i *Instance) serve(by string, since time.Time) error {
	return i.do(func(l *life) error {
		l.by, l.started, l.exited = by, time.Now(), i.box.Exited()
		l.cold = time.Since(since)
		if err := l.to(spec.Idle); err != nil {
			return err
		}
		i.open.Store(true)
		return nil
	})
}

// ready waits for the function's first /next.
func (i *Instance) ready(ctx context.Context) error {
	var state wire.StateHead
	err := i.while(ctx, func(ctx context.Context) (err error) { state, err = client.Ready(ctx, i.box.Dial); return err })
	if err != nil {
		return i.startError(err)
	}
	i.hooked.Store(state.Restores)
	return nil
}

// while bounds f by initTimeout, and ends it once the instance has exited.
func (i *Instance) while(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, i.cfg.Function.InitTimeout.D()+initSlack, errdefs.ErrUnavailable)
	defer cancel()
	ctx, exited := context.WithCancelCause(ctx)
	defer exited(nil)
	go func() {
		select {
		case <-i.box.Exited():
			exited(errExited)
		case <-ctx.Done():
		}
	}()
	return f(ctx)
}

// furnish makes the instance's folder with guest.json in it, and the folder of its log.
func (i *Instance) furnish() error {
	text, err := json.Marshal(i.guest())
	if err != nil {
		return err
	}
	for _, dir := range []string{i.cfg.Dir, filepath.Dir(i.cfg.Log)} {
		// The folder's own folder is passed through by whoever the instance runs as; what is in it is this server's alone.
		if err := errors.Join(os.MkdirAll(filepath.Dir(dir), 0o711), os.MkdirAll(dir, 0o700)); err != nil {
			return fmt.Errorf("make the instance's folder: %w", err)
		}
	}
	if err := os.WriteFile(filepath.Join(i.cfg.Dir, wire.ConfigFile), text, 0o600); err != nil {
		return fmt.Errorf("write the instance's configuration (is the disk full?): %w", err)
	}
	return nil
}

func (i *Instance) guest() wire.Config {
	fn := i.cfg.Function
	api, info := "127.0.0.1:9001", i.sb.Info()
	if info.HostNetwork {
		api = "127.0.0.1:0"
	}
	return wire.Config{
		Snapshots:  info.Restores && fn.Snapshot != "off",
		SnapStart:  i.cfg.SnapStart,
		InstanceID: i.cfg.ID, Function: fn.Name, Version: fn.Version, ARN: i.cfg.ARN, Handler: fn.Handler,
		Env: environment(fn, i.cfg.Left), MemoryMB: int(fn.Limits.Memory >> 20), TimeoutMs: fn.Timeout.D().Milliseconds(),
		InitTimeoutMs: fn.InitTimeout.D().Milliseconds(), EventsAtOnce: fn.EventsAtOnce,
		MaxPayload: int64(fn.Limits.Payload), RuntimeAPI: api,
	}
}

// environment is the function's own, and what its manifest says of its model: the device, how many GPUs it has where it has several and what is
// free on each, the engine, and the licence that is accepted.
func environment(fn spec.Function, left spec.Bytes) map[string]string {
	if fn.Model == nil {
		return fn.Env
	}
	env, gpus, free := maps.Clone(fn.Env), "", ""
	if left > 0 {
		free = strconv.FormatInt(int64(left), 10)
	}
	if n := fn.GPUs.Several(); n > 0 {
		gpus = strconv.Itoa(n)
	}
	for name, value := range map[string]string{"VIDEOSDGX_GPUS": gpus, "VIDEOSDGX_DEVICE_FREE": free, "VIDEOSDGX_DEVICE": fn.Model.Device, "VIDEOSDGX_ATTENTION": fn.Model.Attention, "VIDEOSDGX_ENGINE": fn.Model.Engine, "VIDEOSDGX_ACCEPT_LICENSE": fn.Model.AcceptLicense} {
		if value == "" || env[name] != "" {
			continue
		}
		if env == nil {
			env = map[string]string{}
		}
		env[name] = value
	}
	return env
}
