package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/functions/serve"
)

// tinyable says whether a family writes checkpoints of noise.
func tinyable(f serve.Family) bool { return f.Tiny != nil }

// writtenCheckpoint is what models tiny prints.
type writtenCheckpoint struct {
	Path   string `json:"path"`
	Family string `json:"family"`
	Bytes  int64  `json:"bytes"`
	Random bool   `json:"random"`
}

func (c writtenCheckpoint) print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s: checkpoint of %s, %s of random weights: it has learnt nothing, its clips are noise that moves\nnext: videosdgx models build %s\n", c.Path, c.Family, bytesText(c.Bytes), c.Path)
	return err
}

func newModelsTinyCmd() *cobra.Command {
	var out string
	families := known.Names(tinyable)
	cmd := &cobra.Command{
		Use:   "tiny FAMILY",
		Short: "Write a tiny checkpoint of random weights, to try a family before its weights are there",
		Long: `Write a checkpoint of random weights in the published layout: every part of the architecture, some megabytes, a second of
video in a moment on a CPU. What it makes is noise that moves: it shows how a model of the family is built, served, streamed
and watched, and nothing of what one that was trained would show. Families: ` + strings.Join(families, ", ") + `.

The folder must not be there yet. What follows is what a checkpoint that was downloaded would get: 'videosdgx models build'
turns it into a bundle, a function.yaml names that.`,
		Example: `  videosdgx models tiny ltx2
  videosdgx models tiny magi1 -o magi1-tiny
  videosdgx models build magi1-tiny -o /srv/videosdgx/models/magi1
  videosdgx generate "a red circle" --model magi1 --frames 480 --stream -o clip.mp4`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: families,
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				out = args[0] + "-tiny"
			}
			c, err := writeTinyCheckpoint(args[0], out)
			if err != nil {
				return err
			}
			return emit(cmd, c, c.print)
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "folder of the checkpoint (default FAMILY-tiny)")
	_ = cmd.MarkFlagDirname("output")
	addJSONFlag(cmd)
	return cmd
}

// writeTinyCheckpoint writes into a folder that is new, or empty: nothing of a checkpoint that is there is replaced.
func writeTinyCheckpoint(family, dir string) (c writtenCheckpoint, err error) {
	of, _ := known.Named(family)
	if !tinyable(of) {
		return c, usage(fmt.Errorf("there is no tiny checkpoint of %q: %s would do", family, strings.Join(known.Names(tinyable), ", ")))
	}
	entries, err := os.ReadDir(dir)
	switch {
	case err == nil && len(entries) > 0:
		return c, fmt.Errorf("%s is there and not empty: remove it, or name another folder with -o: %w", dir, errdefs.ErrAlreadyExists)
	case err != nil && !errors.Is(err, os.ErrNotExist):
		return c, fmt.Errorf("cannot write a checkpoint to %s: %w", dir, err)
	}
	if err := of.Tiny(dir); err != nil {
		return c, fmt.Errorf("writing the checkpoint: %w", errors.Join(err, os.RemoveAll(dir)))
	}
	n, err := folderBytes(dir)
	return writtenCheckpoint{Path: dir, Family: family, Bytes: n, Random: true}, err
}
