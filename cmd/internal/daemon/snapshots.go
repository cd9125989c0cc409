package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/metrics"
	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd"
	"github.com/videosdgx/videosdgx/runtime/snapshots"
	"github.com/videosdgx/videosdgx/runtime/spec"
	"github.com/videosdgx/videosdgx/snapshotter"
	"github.com/videosdgx/videosdgx/snapshotter/catalog"
	"github.com/videosdgx/videosdgx/snapshotter/criu"
)

// checkpointing is what a driver says that can make snapshots.
type checkpointing interface {
	Checkpoints() (containerd.Checkpointing, error)
	ImageDigest(ctx context.Context, ref string) (string, error)
}

// openSnapshots opens the catalogue where this machine and the configuration allow snapshots; without, every start is
// plain, and the log says why.
func (p *plane) openSnapshots(ctx context.Context) error {
	if p.cfg.Snapshots == "off" {
		p.noSnapshots = "they are switched off (--snapshots auto allows them)"
		return nil
	}
	d, ok := p.sandbox.(checkpointing)
	if !ok {
		p.noSnapshots = "the " + p.sandbox.Info().Name + " driver has none"
		p.log.Info("snapshots off", "reason", p.noSnapshots)
		return nil
	}
	by, err := p.probeCRIU(ctx, d)
	if err != nil {
		p.noSnapshots = err.Error()
		p.log.Warn("snapshots off", "reason", p.noSnapshots)
		return nil //nolint:nilerr // it serves without snapshots
	}
	c, err := catalog.Open(catalog.Options{Dir: p.dir("snapshots"), Budget: p.cfg.SnapshotMB * 1e6})
	if err != nil {
		return err
	}
	machine, err := snapshotter.ThisMachine(by.Version, strings.Join(p.gpu.GPUs, ", "), p.gpu.Driver)
	if err != nil {
		return err
	}
	inside, err := p.insideDigest(by.Runtime)
	if err != nil {
		return err
	}
	p.snapshots, err = snapshots.New(snapshots.Options{
		Catalog: c, Lender: lender{p}, Content: content{d}, Machine: machine, Runtime: inside, Log: p.log,
	})
	p.metrics.WatchSnapshots(p.countSnapshots)
	return err
}

// countSnapshots is what a scrape shows of the catalogue.
func (p *plane) countSnapshots(ctx context.Context) ([]metrics.Snapshot, error) {
	all, err := p.snapshots.List(ctx)
	out := make([]metrics.Snapshot, len(all))
	for i, r := range all {
		out[i] = metrics.Snapshot{Function: r.Function, State: string(r.State), Bytes: r.Bytes, Uses: r.Restores}
	}
	return out, err
}

// probeCRIU says what makes snapshots here, or why nothing does.
func (p *plane) probeCRIU(ctx context.Context, d checkpointing) (containerd.Checkpointing, error) {
	by, err := d.Checkpoints()
	if err != nil {
		return by, err
	}
	if err := criu.KeepFeatures(ctx, by.CRIU); err != nil {
		p.log.Warn("CRIU will look at the kernel anew each time", "reason", err)
	}
	if c := criu.Probe(ctx, by.CRIU); !c.OK {
		return by, fmt.Errorf("%s: %s: %w", c.Reason, c.Fix, errdefs.ErrNotImplemented)
	}
	return by, nil
}

// content says what a function's references stand for now.
type content struct{ images checkpointing }

// Digests implements snapshots.Content. A bundle's index holds the digests of its files.
func (c content) Digests(ctx context.Context, fn spec.Function) (image, bundle, mounts string, err error) {
	mounts = mountsDigest(fn)
	if image, err = c.images.ImageDigest(ctx, fn.Ref()); err != nil || fn.Model == nil {
		return image, "", mounts, err
	}
	index, err := os.ReadFile(filepath.Join(fn.Model.Bundle, weights.ManifestName))
	if err != nil {
		return "", "", "", fmt.Errorf("model bundle of %s: %w", fn.Name, err)
	}
	sum := sha256.Sum256(index)
	return image, hex.EncodeToString(sum[:]), mounts, nil
}

// mountsForm changes with the mounts that every instance has: a snapshot has those of its day.
const mountsForm = 2

// insideDigest covers what runs in every instance besides the function: init and the OCI runtime that made it, with the mounts that it has.
func (p *plane) insideDigest(runtime string) (string, error) {
	f, err := os.Open(p.cfg.Init)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	fmt.Fprint(h, runtime, mountsForm)
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

// lender is the dispatcher that is made after the snapshots that it asks.
type lender struct{ p *plane }

func (l lender) Lend(ctx context.Context, fn spec.Function, dir string, use func(context.Context, *instance.Instance) error) error {
	return l.p.dispatch.Lend(ctx, fn, dir, use)
}

// snapshotPublished makes a snapshot of each published version whose manifest asks for it, as SnapStart does.
func (p *plane) snapshotPublished(name string) {
	versions, err := p.registry.Versions(context.Background(), name)
	if err != nil {
		return // it has been deleted
	}
	for _, fn := range versions {
		if fn.SnapshotOn == "publish" && fn.Snapshot != "off" && fn.Version != "$LATEST" {
			p.snapshots.Want(fn)
		}
	}
}

// watchPublished also looks at what was published before: another kernel, CRIU or driver needs other snapshots.
func (p *plane) watchPublished(ctx context.Context) error {
	if p.snapshots == nil {
		return nil
	}
	p.registry.Subscribe(p.snapshotPublished)
	all, err := p.registry.List(ctx)
	for _, fn := range all {
		p.snapshotPublished(fn.Name)
	}
	return err
}

// stopSnapshots comes before dispatch stops: what is being made is made of instances that dispatch lends.
func (p *plane) stopSnapshots() {
	if p.snapshots != nil {
		p.snapshots.Stop()
	}
}
