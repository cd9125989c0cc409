package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/videosdgx/videosdgx/runtime/events/outgoing"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/image"
	"github.com/videosdgx/videosdgx/runtime/sandbox/process"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// openDriver takes the driver that the configuration names. "auto" takes containerd where root and containerd are to be
// had, and says in the log why it took the other.
func (p *plane) openDriver(ctx context.Context) (err error) {
	if _, err := os.Stat(p.cfg.Init); err != nil {
		return fmt.Errorf("videosdgx-init is missing: %w; run make build, or name it with --init", err)
	}
	switch p.cfg.Driver {
	case "containerd":
		p.sandbox, err = p.containerd(ctx)
	case "process":
		p.sandbox, err = p.process()
	default:
		p.sandbox, err = p.auto(ctx)
	}
	if err != nil {
		return err
	}
	info := p.sandbox.Info()
	p.log.Info("driver ready", "driver", info.Name, "version", info.Version)
	for _, l := range info.Lacks {
		p.log.Warn("not isolated", "driver", info.Name, "lacks", l)
	}
	return nil
}

func (p *plane) auto(ctx context.Context) (instance.Sandbox, error) {
	sb, err := p.containerd(ctx)
	if err == nil {
		return sb, nil
	}
	p.log.Warn("containerd cannot be used here, functions run as plain processes", "reason", err)
	fallback, perr := p.process()
	return fallback, errors.Join(perr)
}

func (p *plane) containerd(ctx context.Context) (instance.Sandbox, error) {
	return containerd.New(ctx, containerd.Options{
		Data: p.dir("containerd"), Address: p.cfg.Containerd, Runtime: p.cfg.Runtime, Init: p.cfg.Init, Log: p.log,
		Devices: p.openDevices(ctx), Mounts: p.mountRoots(), Images: image.Limits{Bytes: int64(p.cfg.ImageLimit)},
		Registry: func(host string) *http.Client { return outgoing.NewClient(p.guard, host) },
	})
}

func (p *plane) process() (instance.Sandbox, error) {
	return process.New(process.Options{Root: p.dir("process"), Init: p.cfg.Init})
}

// mountRoots are what functions may mount. What the control plane keeps in its data folder is its own.
func (p *plane) mountRoots() spec.MountRoots {
	more, _ := spec.ParseMountRoots(p.cfg.MountRoots) // Validate has looked at it
	own := []string{
		"acme", "audit", "containerd", "events", "experiments", "jobs.db", "jobs.db-shm", "jobs.db-wal", "jobs.db.lock", "lock", "logs", "process", "registry", "run", "snapshots", "spool",
		"uploads", "verified", "videosdgx.sock", "webhook.key", "secrets.age", p.cfg.Outputs,
	}
	for _, path := range []string{p.cfg.Keys, lockOf(p.cfg.Keys), spareOf(p.cfg.Keys), p.cfg.SecretsKey, p.cfg.JWKS, p.cfg.TLSKey, p.cfg.QueueKey, p.cfg.DenyList, p.cfg.Backup} {
		if path != "" && !strings.Contains(path, "://") {
			own = append(own, path)
		}
	}
	if path, err := filepath.Abs(p.cfg.Socket); err == nil && p.cfg.Socket != noSocket {
		own = append(own, path) // with it a function would have the control API
	}
	return spec.MountRoots{Data: p.cfg.Data, Manifests: p.cfg.Functions, Own: own, Shared: []string{p.cfg.Models, checkpointsName}, More: more}
}

// lockOf is the file that whoever changes the file of keys locks.
func lockOf(keys string) string {
	if keys == "" {
		return ""
	}
	return keys + ".lock"
}

// spareOf is the file that may become the file of keys.
func spareOf(keys string) string {
	if keys == "" {
		return ""
	}
	return keys + ".spare"
}

func (p *plane) closeDriver(context.Context) error {
	switch sb := p.sandbox.(type) {
	case io.Closer:
		return sb.Close()
	case interface{ Close() }:
		sb.Close()
	}
	return nil
}
