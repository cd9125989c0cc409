package cli

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/cmd/internal/demo"
)

func init() { commands = append(commands, newDemoCmd) }

func newDemoCmd() *cobra.Command {
	var o demo.Options
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Make one clip from a prompt, with a server of its own",
		Long: `Build the embedded demo model's bundle and image where they are missing, start a server, make one clip from a prompt,
measure cold and warm calls, print where the time went, and stop what was started. Run it from the repository's root.`,
		Example: `  videosdgx demo
  videosdgx demo --prompt "a small green star bouncing on a cream background" --seed 3`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Out, o.Err = cmd.OutOrStdout(), cmd.ErrOrStderr()
			r, err := demo.Run(cmd.Context(), o)
			if err != nil {
				return err
			}
			return emit(cmd, r, func(w io.Writer) error { return r.Print(w) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Data, "data", ".build/demo", "folder of the demo's state")
	f.StringVar(&o.Checkpoint, "checkpoint", "images/demo/wan21-tiny", "checkpoint of the demo model")
	f.StringVar(&o.Image, "image", "images/wan21", "folder of the image's recipe")
	f.StringVar(&o.Driver, "driver", "auto", "how instances run: auto, containerd or process")
	completesOneOf(cmd, "driver", "auto", "containerd", "process")
	f.StringVar(&o.Prompt, "prompt", "a big red circle moving right slowly on a navy background", "what the clip shows")
	f.StringVarP(&o.Output, "output", "o", ".build/demo/clip.mp4", "where the clip goes")
	f.Int64Var(&o.Seed, "seed", 1, "seed of the clip")
	f.IntVar(&o.Cold, "cold", 5, "cold starts to measure")
	f.IntVar(&o.Warm, "warm", 50, "warm calls to measure")
	addJSONFlag(cmd)
	return cmd
}
