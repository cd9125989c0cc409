package cli

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/cmd/internal/demo"
)

func init() { commands = append(commands, newDemoCmd) }

func newDemoCmd() *cobra.Command {
	var o demo.Options
	mute := false
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Make a clip, and one with sound, from prompts, with a server of its own",
		Long: `Build the embedded demo models' bundles and images where they are missing, start a server, make one clip from a prompt
with the tiny Wan 2.1, measure cold and warm calls of it, make a clip with sound with the tiny LTX-2, print where the time
went, and stop what was started. --no-sound leaves the second clip out. Run it from the repository's root.`,
		Example: `  videosdgx demo
  videosdgx demo --prompt "a small green star bouncing on a cream background" --seed 3`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Out, o.Err = cmd.OutOrStdout(), cmd.ErrOrStderr()
			o.Clip.Function, o.Sound.Function = "wan21", "ltx2"
			if mute {
				o.Sound = demo.Clip{}
			}
			r, err := demo.Run(cmd.Context(), o)
			if err != nil {
				return err
			}
			return emit(cmd, r, func(w io.Writer) error { return r.Print(w) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Data, "data", ".build/demo", "folder of the demo's state")
	f.StringVar(&o.Clip.Checkpoint, "checkpoint", "images/demo/wan21-tiny", "checkpoint of the demo model")
	f.StringVar(&o.Clip.Image, "image", "images/wan21", "folder of the image's recipe")
	f.StringVar(&o.Driver, "driver", "auto", "how instances run: auto, containerd or process")
	completesOneOf(cmd, "driver", "auto", "containerd", "process")
	f.StringVar(&o.Clip.Prompt, "prompt", "a big red circle moving right slowly on a navy background", "what the clip shows")
	f.StringVarP(&o.Clip.Output, "output", "o", ".build/demo/clip.mp4", "where the clip goes")
	f.StringVar(&o.Sound.Checkpoint, "sound-checkpoint", "images/demo/ltx2-tiny", "checkpoint of the demo model with sound")
	f.StringVar(&o.Sound.Image, "sound-image", "images/ltx2", "folder of its image's recipe")
	f.StringVar(&o.Sound.Prompt, "sound-prompt", "a big red circle bouncing on a navy background", "what the clip with sound shows")
	f.StringVar(&o.Sound.Output, "sound-output", ".build/demo/sound.mp4", "where the clip with sound goes")
	f.BoolVar(&mute, "no-sound", false, "make no clip with sound")
	f.Int64Var(&o.Seed, "seed", 1, "seed of the clip")
	f.IntVar(&o.Cold, "cold", 5, "cold starts to measure")
	f.IntVar(&o.Warm, "warm", 50, "warm calls to measure")
	addJSONFlag(cmd)
	return cmd
}
