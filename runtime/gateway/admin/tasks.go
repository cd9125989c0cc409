package admin

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/jsonform"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/tasks"
)

// Tasks is the answer of GET /api/v1/tasks.
type Tasks struct {
	Tasks       []tasks.Task `json:"tasks"`
	Checkpoints []string     `json:"checkpoints"` // that bundles can be built of
}

var errNoTasks = fmt.Errorf("this server runs no tasks: use 'videosdgx models pull' and 'models build' on its machine: %w", errdefs.ErrNotImplemented)

func (a *API) tasks(w http.ResponseWriter, _ *http.Request) error {
	if a.o.Tasks == nil {
		return errNoTasks
	}
	gateway.WriteJSON(w, http.StatusOK, Tasks{a.o.Tasks.List(), a.o.Tasks.Checkpoints()})
	return nil
}

// ErrModelsFull says that models may take no more of the disk.
var ErrModelsFull = errors.New("models use all that modelsLimit lets them: remove some with 'videosdgx models rm', or raise it")

// maxTask bounds the body of a task, in bytes.
const maxTask = 4 << 10

// start begins a task: the body is {"kind": "pull", "repository": "OWNER/NAME"}, or {"kind": "build", "checkpoint": …, "name": …}.
func (a *API) start(w http.ResponseWriter, r *http.Request) error {
	if a.o.Tasks == nil {
		return errNoTasks
	}
	b, err := gateway.ReadBody(r, maxTask, "the task")
	if err != nil {
		return err
	}
	var wish tasks.Wish
	if err := jsonform.Decode(b, &wish); err != nil {
		return fmt.Errorf("the body is not JSON of a task: %w: %w", err, errdefs.ErrInvalidArgument)
	}
	t, err := a.o.Tasks.Start(wish)
	if errors.Is(err, ErrModelsFull) {
		return &gateway.Typed{Status: http.StatusInsufficientStorage, Type: "ResourceNotReadyException", Err: err}
	}
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusAccepted, t)
	return nil
}

func (a *API) cancelTask(w http.ResponseWriter, r *http.Request) error {
	if a.o.Tasks == nil {
		return errNoTasks
	}
	if err := a.o.Tasks.Cancel(r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// taskLog sends a task's lines as plain text, and goes on until it has ended or the client leaves.
func (a *API) taskLog(w http.ResponseWriter, r *http.Request) error {
	if a.o.Tasks == nil {
		return errNoTasks
	}
	out := &flushing{w: w}
	ctx, cancel := gateway.Following(r)
	defer cancel()
	err := a.o.Tasks.Log(ctx, r.PathValue("id"), out)
	switch {
	case ctx.Err() != nil:
		return nil
	case err == nil:
		out.begin()
	}
	return err
}
