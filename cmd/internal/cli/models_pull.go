package cli

import (
	"fmt"
	"io"
	"path"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/functions/inference/weights/hub"
	"github.com/videosdgx/videosdgx/runtime/events/outgoing"
)

// pulled is what models pull prints.
type pulled struct {
	Repo    string  `json:"repo"`
	Commit  string  `json:"commit"`
	Path    string  `json:"path"`
	Files   int     `json:"files"`
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
}

func (p pulled) print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s: %s at %s, %d files, %s, every digest right, in %.1f s\n", p.Path, p.Repo, p.Commit[:12], p.Files, bytesText(p.Bytes), p.Seconds)
	return err
}

func newModelsPullCmd() *cobra.Command {
	var o hub.Options
	var out string
	cmd := &cobra.Command{
		Use:   "pull OWNER/NAME",
		Short: "Download a checkpoint from a Hugging Face endpoint",
		Long: `Download a checkpoint into a plain folder. Several files come at once; an interrupted one goes on where it stopped, in
this run or the next; each is held to the digest that the repository gives (sha256 for weights, the git id for small
files) before it gets its name. SHA256SUMS lists them at the end, and models build holds the folder to it.

Weights in other forms than safetensors, pictures and clips are left out unless --include names them. Of weights in
several variants one comes for each folder: the one that --variant names, else the plain ones, else the most precise.

HF_ENDPOINT names another endpoint, such as a mirror; HF_TOKEN is the token for repositories that ask for one, or
says where it is (file:/PATH, credential:NAME of systemd); without it HF_TOKEN_PATH names its file, systemd's credential
hf-token has it, or huggingface-cli has stored it. The token never goes to another host than the endpoint's.`,
		Example: `  videosdgx models pull Wan-AI/Wan2.1-T2V-1.3B-Diffusers
  videosdgx models pull Wan-AI/Wan2.1-T2V-1.3B-Diffusers --include 'vae/*' -o wan-vae
  HF_ENDPOINT=http://mirror.local:8080 videosdgx models pull team/model --revision v2`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				out = path.Base(args[0])
			}
			p, err := pull(cmd, args[0], out, o)
			if err != nil {
				return err
			}
			return emit(cmd, p, p.print)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&out, "output", "o", "", "folder of the checkpoint (default: the repository's name, here)")
	f.StringVar(&o.Revision, "revision", "main", "branch, tag or commit")
	f.StringSliceVar(&o.Include, "include", nil, "patterns of files to fetch, whole paths or names; FOLDER/ is all in it")
	f.StringSliceVar(&o.Exclude, "exclude", nil, "patterns of files to leave out")
	f.StringVar(&o.Variant, "variant", "", "variant of the weights, such as fp16, where a folder has it (default: the best there is)")
	f.IntVar(&o.Parallel, "parallel", 4, "files at once")
	addServerFlag(cmd)
	addJSONFlag(cmd)
	return cmd
}

func pull(cmd *cobra.Command, repo, out string, o hub.Options) (pulled, error) {
	if err := hub.CheckPatterns(append(append([]string{}, o.Include...), o.Exclude...)); err != nil {
		return pulled{}, err
	}
	bars, start := newBars(cmd.ErrOrStderr()), time.Now()
	var mu sync.Mutex // lines of different files do not mix
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		if bars.p == nil {
			fmt.Fprintf(cmd.ErrOrStderr(), format+"\n", args...)
		}
	}
	all, row := newPace(0), &oneBar{}
	o.Plan = func(files int, bytes int64) {
		all = newPace(bytes)
		row = bars.row("total", all.text)
		say("%d files, %s", files, bytesText(bytes))
	}
	o.Begin = func(e hub.Entry) (func(int64), func(error)) {
		bar := bars.one(e.Path, e.Size)
		return func(done int64) { bar.set(done, e.Size); all.at(e.Path, done) }, func(err error) {
			bar.end(err == nil)
			if err == nil {
				say("%s (%s); in all %s", e.Path, bytesText(e.Size), all.text(time.Now()))
			}
		}
	}
	q, err := quotaOf(cmd)
	if err != nil {
		return pulled{}, err
	}
	o.Room = q.room(out)
	from, err := hub.FromEnvironment()
	if err != nil {
		return pulled{}, err
	}
	guard, err := outgoing.NewGuard("0.0.0.0/0,::/0") // a mirror is often on a private address; what is never called cannot be listed
	if err != nil {
		return pulled{}, err
	}
	from.HTTP = outgoing.NewClient(guard, "")
	p, err := from.Pull(cmd.Context(), repo, out, o)
	row.end(false)
	bars.wait()
	if err != nil {
		return pulled{}, err
	}
	return pulled{Repo: p.Repo, Commit: p.Commit, Path: p.Dir, Files: p.Files, Bytes: p.Bytes, Seconds: float64(time.Since(start).Milliseconds()) / 1000}, nil
}
