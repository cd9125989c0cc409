package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/cmd/internal/daemon"
	"github.com/videosdgx/videosdgx/runtime/diskuse"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// modelsQuota is what the bundles and checkpoints of a server may use of the disk.
type modelsQuota struct {
	limit int64
	dirs  []string // of bundles and of what is pulled
	skip  string   // merged models, which have a limit of their own
}

// quotaOf is the modelsLimit of the environment, else of the server on this machine; nil: there is none.
func quotaOf(cmd *cobra.Command) (*modelsQuota, error) {
	c := daemon.Default()
	if data := os.Getenv(daemon.EnvPrefix + "DATA"); data != "" {
		c.Data = data
	}
	c.Models = os.Getenv(daemon.EnvPrefix + "MODELS")
	c = c.WithDefaults()
	q := &modelsQuota{dirs: []string{c.Models, daemon.Checkpoints(c.Data)}}
	if text := os.Getenv(daemon.EnvPrefix + "MODELS_LIMIT"); text != "" {
		var limit spec.Bytes
		if err := limit.UnmarshalText([]byte(text)); err != nil {
			return nil, fmt.Errorf("%sMODELS_LIMIT: %w", daemon.EnvPrefix, err)
		}
		q.limit = int64(limit)
	} else if s, err := newClient(cmd); err == nil && here(s) {
		defer s.Close()
		ctx, cancel := context.WithTimeout(cmd.Context(), answering)
		defer cancel()
		if about, err := s.About(ctx); err == nil {
			q.limit, q.dirs = about.ModelsLimit, []string{about.Models, about.Checkpoints}
		}
	}
	if q.limit == 0 {
		return nil, nil //nolint:nilnil // no limit
	}
	q.skip = filepath.Join(q.dirs[0], daemon.MergedModels)
	return q, nil
}

// room says, for a folder that is to be written, why so many more bytes are too many; nil where no limit is for that folder.
func (q *modelsQuota) room(out string) func(need int64) error {
	abs, err := filepath.Abs(out)
	if q == nil || err != nil || !q.holds(abs) {
		return nil
	}
	return func(need int64) error {
		used, err := diskuse.Of(q.dirs, q.skip)
		if err != nil {
			return err
		}
		if used+need <= q.limit {
			return nil
		}
		return fmt.Errorf("it needs %s more, models use %s, and the server's modelsLimit lets them use %s: remove some with 'videosdgx models rm', raise the limit, or choose a folder elsewhere: %w",
			bytesText(need), bytesText(used), bytesText(q.limit), errdefs.ErrResourceExhausted)
	}
}

func (q *modelsQuota) holds(path string) bool {
	for _, dir := range q.dirs {
		if dir != "" && strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/") {
			return !strings.HasPrefix(path, q.skip+"/")
		}
	}
	return false
}
