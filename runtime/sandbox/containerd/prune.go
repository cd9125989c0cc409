package containerd

import (
	"context"
	"fmt"
	"time"

	"github.com/videosdgx/videosdgx/runtime/sandbox/containerd/image"
)

// PruneImages removes the images that functions have brought here and that none of the references stands for any more, nor
// any instance lives on, once that has been so for idle. It gives their names.
func (d *Driver) PruneImages(ctx context.Context, refs []string, idle time.Duration) ([]string, error) {
	ctx = d.in(ctx)
	use := image.Use{Refs: refs}
	all, err := d.client.ContainerService().List(ctx) // of other control planes too
	if err != nil {
		return nil, fmt.Errorf("containerd does not list its containers: %w", err)
	}
	for _, c := range all {
		chain, ok := c.Labels[chainLabel]
		if !ok && c.Labels[ownerLabel] != "" {
			return nil, nil // an instance of an older control plane: what it lives on is not known
		}
		use.Chains = append(use.Chains, chain)
	}
	return d.images.Prune(ctx, use, idle)
}
