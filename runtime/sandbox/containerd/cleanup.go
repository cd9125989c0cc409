package containerd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/network"
)

// Cleanup removes every instance whose id keep does not hold, and what instances that are no more have left: records,
// tasks, network namespaces, cgroups, work folders. It is for the start of a control plane, after it has looked through
// List.
func (d *Driver) Cleanup(ctx context.Context, keep ...string) error {
	boxes, err := d.List(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, b := range boxes {
		if !slices.Contains(keep, b.ID()) {
			errs = append(errs, b.Remove(ctx))
		}
	}
	return errors.Join(append(errs, d.sweep(ctx))...)
}

// sweep removes what belongs to no instance; New does it, since only a killed control plane leaves such things.
func (d *Driver) sweep(ctx context.Context) error {
	errs := []error{d.dropHiddenBundles()}
	left, err := d.strays(ctx)
	errs = append(errs, err)
	for id := range left {
		if err := d.removeAll(d.in(ctx), id); err != nil {
			errs = append(errs, fmt.Errorf("left by instance %s: %w", id, err))
		}
	}
	return errors.Join(errs...)
}

// Leftovers describes what belongs to no instance that List knows: nothing, when all is well.
func (d *Driver) Leftovers(ctx context.Context) ([]string, error) {
	left, err := d.strays(ctx)
	if err != nil {
		return nil, err
	}
	var text []string
	for id, kinds := range left {
		for _, k := range kinds {
			text = append(text, k+" of "+id)
		}
	}
	sort.Strings(text)
	return text, nil
}

// strays lists what instances that are no more have left: the kinds of things, by the instance's id.
func (d *Driver) strays(ctx context.Context) (map[string][]string, error) {
	records, err := d.records(d.in(ctx))
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, c := range records {
		known[c.ID] = true
	}
	found := map[string][]string{}
	note := func(kind string, ids ...string) {
		for _, id := range ids {
			if !known[id] {
				found[id] = append(found[id], kind)
			}
		}
	}
	for id := range d.cgroupIDs() {
		note("cgroup", id)
	}
	for id := range d.shims() {
		note("shim", id)
	}
	folders, err := d.enclosed()
	if err != nil {
		return nil, err
	}
	for id := range folders {
		note("mounted folder", id)
	}
	cables, err := network.Cables(d.owner)
	if err != nil {
		return nil, err
	}
	for id := range cables {
		note("cable", id)
	}
	for kind, dir := range map[string]string{
		"mounted source": filepath.Join(d.o.State, "reach"), "CRIU work folder": filepath.Join(d.o.State, "criu"), "task bundle": d.bundles(),
		"files of events": d.filesAt(""),
	} {
		names, err := names(dir)
		if err != nil {
			return nil, err
		}
		note(kind, names...)
	}
	return found, nil
}

// bundles is where a private daemon keeps its tasks' folders; the system's daemon is not ours to look into.
func (d *Driver) bundles() string {
	if d.daemon == nil {
		return ""
	}
	return filepath.Join(d.daemon.State, "io.containerd.runtime.v2.task", d.o.Namespace)
}

// names lists a folder; one that is not there is empty.
func names(dir string) ([]string, error) {
	if dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	list := make([]string, len(entries))
	for i, e := range entries {
		list[i] = e.Name()
	}
	return list, nil
}
