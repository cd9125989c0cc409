package containerd

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/containerd/api/services/tasks/v1"
	"github.com/containerd/containerd/api/types/task"
	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/errdefs/pkg/errgrpc"

	"github.com/videosdgx/videosdgx/runtime/instance"
)

// List finds every instance of this driver's, also of an earlier control plane. One whose task has gone is in it, ended.
func (d *Driver) List(ctx context.Context) ([]instance.Box, error) {
	ctx = d.in(ctx)
	records, err := d.records(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := d.client.TaskService().List(ctx, &tasks.ListTasksRequest{})
	if err != nil {
		return nil, fmt.Errorf("containerd does not list its tasks: %w", errgrpc.ToNative(err))
	}
	running := map[string]*task.Process{}
	for _, t := range resp.Tasks {
		running[t.ID] = t
	}
	boxes := make([]instance.Box, 0, len(records))
	for _, c := range records {
		boxes = append(boxes, d.adopt(ctx, c, running[c.ID]))
	}
	return boxes, nil
}

func (d *Driver) records(ctx context.Context) ([]containers.Container, error) {
	list, err := d.client.ContainerService().List(ctx, fmt.Sprintf("labels.%q==%s", ownerLabel, d.owner))
	if err != nil {
		return nil, fmt.Errorf("containerd does not list its containers: %w", err)
	}
	return list, nil
}

// adopt makes a box of what containerd knows, unless there is one.
func (d *Driver) adopt(ctx context.Context, c containers.Container, t *task.Process) *box {
	d.mu.Lock()
	known := d.boxes[c.ID]
	d.mu.Unlock()
	if known != nil {
		return known
	}
	b := d.newBox(c.ID, c.Labels[dirLabel], c.Labels[bridgeLabel] != "", userLabels(c.Labels))
	if t == nil || t.Status == task.Status_STOPPED || t.Status == task.Status_UNKNOWN {
		b.end(ctx)
		return b
	}
	b.mu.Lock()
	b.started = t.Status != task.Status_CREATED
	b.mu.Unlock()
	b.attach(t.Pid)
	return b
}

func userLabels(all map[string]string) map[string]string {
	own := map[string]string{}
	for k, v := range all {
		if name, ok := strings.CutPrefix(k, userLabel); ok {
			own[name] = v
		}
	}
	return own
}
