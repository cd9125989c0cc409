package daemon

import (
	"context"
	"fmt"
	"os"

	"github.com/videosdgx/videosdgx/runtime/tasks"
)

// openTasks lets who manages have this program pull checkpoints and build bundles of them.
func (p *plane) openTasks(context.Context) error {
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find this program: %w", err)
	}
	p.tasks = tasks.New(tasks.Options{Program: exe, Checkpoints: p.dir(checkpointsName), Models: p.cfg.Models, Env: p.modelsEnv(), Room: p.modelsRoom})
	return nil
}
