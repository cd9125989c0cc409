package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/videosdgx/videosdgx/runtime/client"
)

func init() { commands = append(commands, newGenerateCmd) }

// generateOptions are the flags of generate.
type generateOptions struct {
	model, output, image, lastImage, video, negative, priority, webhook, key string
	width, height, frames, steps, attempts                                   int
	fps, guidance                                                            float64
	seed                                                                     int64
	preview, stream, detach, quiet                                           bool
	deadline                                                                 time.Duration
	loras, set                                                               []string
}

func newGenerateCmd() *cobra.Command {
	var o generateOptions
	cmd := &cobra.Command{
		Use:   "generate PROMPT",
		Short: "Make a clip from a prompt and save it",
		Long: `Make a clip from a prompt: queue a job, show its progress, save the clip when it is done.

What is not given takes the model's default; 'videosdgx jobs show' tells afterwards which seed was used. Progress goes to
standard error and the name of the saved file to standard output. Interrupting the command cancels the job. The server may
restart meanwhile: the job goes on, and so does the command.

What else a model takes is in its schema (/fn/NAME/info, /openapi.json, the form on the server's page): --set FIELD=VALUE
gives any field of it, a number, true, false or other JSON as that, anything else as text.

With --detach the command ends as soon as the job is queued and prints its id; 'videosdgx jobs watch ID' and
'videosdgx jobs download ID' take it from there.`,
		Example: `  videosdgx generate "a big red circle moving right on a navy background" -o clip.mp4
  videosdgx generate "a lighthouse in a storm" --model wan21 --width 832 --height 480 --frames 81 --seed 7
  videosdgx generate "the boat sails away" --image boat.png -o boat.mp4
  videosdgx generate "a door opens" --image closed.png --last-image open.png
  videosdgx generate "a striped red circle moving right on a navy background" --lora striped:0.8
  videosdgx generate "a star bouncing" --model ltx2 --set output=wav --set stg_scale=1
  videosdgx generate "the boat sinks" --model magi1 --video boat.mp4 --stream
  id=$(videosdgx generate "a comet" --priority low --detach)`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			return runGenerate(cmd, c, o, args[0])
		},
	}
	addServerFlag(cmd)
	addJSONFlag(cmd)
	o.register(cmd.Flags())
	completesFlag(cmd, "model", modelNames)
	completesOneOf(cmd, "priority", priorities...)
	return cmd
}

func (o *generateOptions) register(f *pflag.FlagSet) {
	f.StringVarP(&o.model, "model", "m", "", "model; needed when the server has more than one")
	f.StringVarP(&o.output, "output", "o", "", "file or folder to save to, - for standard output; default: a name made from the prompt")
	f.StringVar(&o.negative, "negative", "", "what the clip must not show")
	f.IntVar(&o.width, "width", 0, "width in pixels")
	f.IntVar(&o.height, "height", 0, "height in pixels")
	f.IntVar(&o.frames, "frames", 0, "number of frames")
	f.Float64Var(&o.fps, "fps", 0, "frames per second")
	f.IntVar(&o.steps, "steps", 0, "inference steps")
	f.Float64Var(&o.guidance, "guidance", 0, "guidance scale")
	f.Int64Var(&o.seed, "seed", 0, "seed; the same request and seed give the same clip")
	f.StringVar(&o.image, "image", "", "PNG or JPEG file to start from")
	f.StringVar(&o.lastImage, "last-image", "", "PNG or JPEG file to end with")
	f.StringArrayVar(&o.loras, "lora", nil, "a LoRA of the server's by name, as NAME[:STRENGTH]; may be repeated")
	f.StringArrayVar(&o.set, "set", nil, "another field of the request, as FIELD=VALUE; may be repeated")
	f.StringVar(&o.video, "video", "", "video file to go on from")
	f.BoolVar(&o.stream, "stream", false, "let the clip be watched while it is made, and say where")
	f.BoolVar(&o.preview, "preview", false, "ask for preview frames, which the job's events carry")
	f.StringVar(&o.priority, "priority", "", "high, normal or low")
	f.DurationVar(&o.deadline, "deadline", 0, "give the job up when it has not ended after this time, such as 30m")
	f.IntVar(&o.attempts, "attempts", 0, "how often the job may be tried")
	f.StringVar(&o.webhook, "webhook", "", "address to call when the job has ended")
	f.StringVar(&o.key, "idempotency-key", "", "a repeated command with the same key gets the same job")
	f.BoolVarP(&o.detach, "detach", "d", false, "do not wait for the clip; print the job's id")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "show no progress")
}

// submission takes the flags that were given; the server judges their values, but for text that JSON cannot carry as it is.
func (o generateOptions) submission(flags *pflag.FlagSet, prompt string) (client.Submission, error) {
	s := client.Submission{Model: o.model, Request: map[string]any{"prompt": prompt}, Priority: o.priority, MaxAttempts: o.attempts, Webhook: o.webhook, Key: o.key, Stream: o.stream}
	if !utf8.ValidString(prompt + o.negative + strings.Join(o.loras, "") + strings.Join(o.set, "")) {
		return s, errors.New("the prompt, or what a flag says, is not valid UTF-8: set the terminal or the script that writes it to UTF-8")
	}
	for name, v := range map[string]float64{"fps": o.fps, "guidance": o.guidance} {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return s, usage(fmt.Errorf("--%s is %v: give a number", name, v))
		}
	}
	if flags.Changed("attempts") && o.attempts < 1 {
		return s, usage(fmt.Errorf("--attempts is %d: give at least 1", o.attempts))
	}
	if flags.Changed("deadline") {
		if s.Deadline = o.deadline; o.deadline < time.Second {
			return s, fmt.Errorf("--deadline %s is too short: give at least 1s", o.deadline)
		}
	}
	for _, f := range []struct {
		flag, field string
		value       any
	}{
		{"negative", "negative_prompt", o.negative}, {"width", "width", o.width}, {"height", "height", o.height}, {"frames", "num_frames", o.frames},
		{"fps", "fps", o.fps}, {"steps", "num_inference_steps", o.steps}, {"guidance", "guidance_scale", o.guidance}, {"seed", "seed", o.seed},
		{"preview", "preview", o.preview},
	} {
		if flags.Changed(f.flag) {
			s.Request[f.field] = f.value
		}
	}
	return s, cmp.Or(o.pictures(s.Request), o.named(s.Request), o.others(s.Request))
}

func runGenerate(cmd *cobra.Command, c *client.Client, o generateOptions, prompt string) error {
	ctx := cmd.Context()
	sub, err := o.submission(cmd.Flags(), prompt)
	if err != nil {
		return err
	}
	if !o.detach {
		if err := cmp.Or(notBoth(cmd, o.output), writable(o.output)); err != nil {
			return err
		}
	}
	if sub.Model, err = pickModel(ctx, c, o.model); err != nil {
		return err
	}
	if err := o.sendVideo(ctx, c, sub.Request); err != nil {
		return err
	}
	j, err := submit(ctx, c, sub)
	if err != nil {
		return err
	}
	if o.stream && !o.quiet {
		fmt.Fprintf(cmd.ErrOrStderr(), "watch it while it is made: %s/v1/jobs/%s/stream.m3u8 (a player), or stream.mp4 there (a browser)\n", c.URL(), j.ID)
	}
	if o.detach {
		return emit(cmd, j, func(w io.Writer) error { _, err := fmt.Fprintln(w, j.ID); return err })
	}
	if j, err = track(ctx, c, j, newTracker(cmd.ErrOrStderr(), o.quiet)); err != nil {
		return err
	}
	return patiently(cmd.Context(), func() error { return finish(cmd, c, j, o.output) })
}

// sendVideo uploads the video that the clip goes on from, and has the request name it.
func (o generateOptions) sendVideo(ctx context.Context, c *client.Client, request map[string]any) error {
	if o.video == "" {
		return nil
	}
	f, err := os.Open(o.video)
	if err != nil {
		return fmt.Errorf("--video: %w", err)
	}
	defer f.Close()
	u, err := c.Upload(ctx, f, "", "")
	if err != nil {
		return fmt.Errorf("--video: %w", err)
	}
	request["video"] = u.Reference
	return nil
}

// afterwards is how long a request goes on after an interrupt: to hear of the job that was made, and to cancel it.
const afterwards = 5 * time.Second

// submit makes the job. An interrupt does not cut it off: nobody could cancel a job whose id was not heard.
func submit(ctx context.Context, c *client.Client, s client.Submission) (client.Job, error) {
	ctx, stop := outlast(ctx)
	defer stop()
	return c.Submit(ctx, s)
}

// outlast gives a context that ends some time after ctx has.
func outlast(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(afterwards, func() { cancel(context.Cause(ctx)) }) })
	return longer, func() { stop(); cancel(nil) }
}

// pickModel gives name, or the only model there is.
func pickModel(ctx context.Context, c *client.Client, name string) (string, error) {
	if name != "" {
		return name, nil
	}
	models, err := c.Models(ctx)
	if err != nil {
		return "", err
	}
	names := make([]string, len(models))
	for i, m := range models {
		names[i] = m.Model
	}
	switch len(names) {
	case 0:
		return "", errors.New("the server has no model: deploy a function whose manifest names one, see 'videosdgx models --help'")
	case 1:
		return names[0], nil
	}
	return "", fmt.Errorf("the server has several models, name one with --model: %s", strings.Join(names, ", "))
}

// track follows a job to its end. When the command is interrupted, it cancels the job.
func track(ctx context.Context, c *client.Client, j client.Job, t tracker) (client.Job, error) {
	last, err := c.Watch(ctx, j.ID, t.show)
	t.close()
	if ctx.Err() == nil {
		return last, err
	}
	clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	if _, err := c.Cancel(clean, j.ID); err != nil {
		return client.Job{}, fmt.Errorf("interrupted, and job %s could not be cancelled, it may go on: %w", j.ID, err)
	}
	return client.Job{}, &ExitError{Code: interrupted, Err: fmt.Errorf("interrupted: job %s was cancelled", j.ID)}
}

// patience is how often, a second apart, a server is asked that is being started again: one that stops ends its jobs first, and
// who has waited for one of them comes just then.
const patience = 30

// patiently does something for as long as no server answers.
func patiently(ctx context.Context, do func() error) error {
	for tries := 0; ; tries++ {
		err := do()
		if !errors.Is(err, client.ErrNoServer) || tries == patience {
			return err
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return err
		}
	}
}

// generated is what generate and jobs download print.
type generated struct {
	File string `json:"file"`
	client.Job
}

func finish(cmd *cobra.Command, c *client.Client, j client.Job, to string) error {
	if err := jobFailure(j); err != nil {
		return err
	}
	file, err := download(cmd.Context(), c, j, to, cmd.OutOrStdout())
	if err != nil {
		return fmt.Errorf("%w; 'videosdgx jobs download %s' tries again", err, j.ID)
	}
	if quiet, _ := cmd.Flags().GetBool("quiet"); !quiet {
		fmt.Fprintln(cmd.ErrOrStderr(), made(j))
	}
	if file == "-" {
		return nil
	}
	return emit(cmd, generated{file, j}, func(w io.Writer) error { _, err := fmt.Fprintln(w, file); return err })
}

// made says what a job has made, and how to make it again.
func made(j client.Job) string {
	var parts []string
	if seed, ok := j.Seed(); ok {
		parts = append(parts, fmt.Sprintf("seed %d", seed))
	}
	if j.Result != nil {
		parts = append(parts, bytesText(j.Result.Size))
	}
	if j.Seconds > 0 {
		parts = append(parts, "took "+spent(j))
	}
	return "made with " + strings.Join(append([]string{j.Model}, parts...), ", ")
}
