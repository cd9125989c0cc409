package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/runtime/client"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func init() { commands = append(commands, newJobsCmd) }

func newJobsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "jobs",
		Short: "List, watch, cancel, fetch, retry and reorder jobs",
		Long: `A job is one clip to be made. It is queued, running, and at last completed, failed (the model refused it), cancelled,
or dead (every attempt broke; the dead-letter list). Jobs outlive the server: they go on when it is started again.`,
	}
	cmd.AddCommand(newJobsLsCmd(), newJobsShowCmd(), newJobsWatchCmd(), newJobsCancelCmd(), newJobsDownloadCmd(), newJobsRetryCmd(), newJobsPriorityCmd())
	return cmd
}

// jobOf asks the server for the one job whose id begins so.
func jobOf(cmd *cobra.Command, begin string) (c *client.Client, id string, err error) {
	if c, err = newClient(cmd); err != nil {
		return nil, "", err
	}
	if err := aName("a job's id", begin); err != nil {
		return nil, "", err
	}
	id, err = c.FindJob(cmd.Context(), begin)
	return c, id, err
}

// jobCmd makes a subcommand that works on one job.
func jobCmd(use, short, long, example string, run func(cmd *cobra.Command, c *client.Client, id string) error) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long + " As much of the id as no other job has is enough.", Example: example, Args: cobra.ExactArgs(1),
		ValidArgsFunction: completes(jobIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, id, err := jobOf(cmd, args[0])
			if err != nil {
				return err
			}
			return run(cmd, c, id)
		},
	}
	addServerFlag(cmd)
	addJSONFlag(cmd)
	return cmd
}

func newJobsLsCmd() *cobra.Command {
	var model, state, batch, owner, before string
	var limit int
	cmd := &cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List jobs, newest first",
		Long: "List jobs, newest first. --state takes one or more of queued, running, completed, failed, cancelled and dead, by commas.",
		Example: `  videosdgx jobs ls --state queued,running
  videosdgx jobs ls --model wan21 --limit 200 --json
  videosdgx jobs ls --state dead`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			page := jobPage{}
			page.Jobs, page.Next, err = c.Jobs(cmd.Context(), client.JobFilter{
				Model: model, States: state, Batch: batch, Client: owner, Before: before, Limit: limit,
			})
			if err != nil {
				return err
			}
			if page.Next != "" {
				defer fmt.Fprintf(cmd.ErrOrStderr(), "for older ones add --before %s\n", page.Next)
			}
			return emitList(cmd, page, len(page.Jobs), noJobs(cmd), func(w io.Writer) error { return jobTable(w, page.Jobs) })
		},
	}
	addServerFlag(cmd)
	addJSONFlag(cmd)
	f := cmd.Flags()
	f.StringVarP(&model, "model", "m", "", "only jobs of this model")
	f.StringVar(&state, "state", "", "only jobs in these states")
	f.StringVar(&batch, "batch", "", "only jobs of this batch")
	f.StringVar(&owner, "client", "", "only jobs of this client")
	f.IntVar(&limit, "limit", 50, "how many, 1 to 500")
	f.StringVar(&before, "before", "", "only jobs older than this one: the next page")
	completesFlag(cmd, "model", modelNames)
	completesOneOf(cmd, "state", "queued", "running", "completed", "failed", "cancelled", "dead")
	return cmd
}

// jobPage is what jobs ls prints as JSON.
type jobPage struct {
	Jobs []client.Job `json:"jobs"`
	Next string       `json:"next,omitempty"`
}

// noJobs says of an empty list whether filters made it so.
func noJobs(cmd *cobra.Command) string {
	for _, filter := range []string{"model", "state", "batch", "client", "before"} {
		if cmd.Flags().Changed(filter) {
			return "no such jobs; without its filters 'videosdgx jobs ls' lists all"
		}
	}
	return "no jobs yet: 'videosdgx generate PROMPT' makes a clip"
}

func jobTable(w io.Writer, all []client.Job) error {
	head := []string{"id", "model", "state", "priority", "age", "took", "prompt"}
	why := slices.ContainsFunc(all, func(j client.Job) bool { return j.Reason != "" })
	if why {
		head = append(head, "reason")
	}
	rows := make([][]string, len(all))
	for i, j := range all {
		rows[i] = []string{j.ID, j.Model, stateText(j), j.Priority, ago(j.Created), spent(j), shorten(j.Prompt(), 48)}
		if why {
			rows[i] = append(rows[i], orDash(j.Reason))
		}
	}
	return table(w, head, rows)
}

// stateText is the state with what matters in it.
func stateText(j client.Job) string {
	switch {
	case j.Status == "queued" && j.Position > 0:
		return fmt.Sprintf("queued #%d", j.Position)
	case j.Status == "running" && j.Progress != nil && startTexts[j.Progress.Phase] != "":
		return startState(spec.StartStep{Phase: j.Progress.Phase, Step: j.Progress.Step, Steps: j.Progress.Steps, Done: j.Progress.Done, Total: j.Progress.Total})
	case j.Status == "running" && j.Progress != nil && j.Progress.Steps > 0:
		return fmt.Sprintf("%s %d/%d", j.Progress.Phase, j.Progress.Step, j.Progress.Steps)
	}
	return j.Status
}

func spent(j client.Job) string { return span(time.Duration(j.Seconds * float64(time.Second))) }

func shorten(s string, most int) string {
	r := []rune(strings.Join(strings.Fields(s), " "))
	if len(r) <= most {
		return string(r)
	}
	left := dots()
	return string(r[:most-len([]rune(left))]) + left
}

func newJobsShowCmd() *cobra.Command {
	cmd := jobCmd("show ID", "Show one job", "Show everything that is known of one job.", "  videosdgx jobs show 0194f0a0-7b1e-7435-8a00-eea9e90c7ed7",
		func(cmd *cobra.Command, c *client.Client, id string) error {
			j, err := c.Job(cmd.Context(), id)
			if err != nil {
				return err
			}
			return emit(cmd, j, func(w io.Writer) error { return describeJob(w, j) })
		})
	cmd.Aliases = []string{"get"}
	return cmd
}

func describeJob(w io.Writer, j client.Job) error {
	rows := [][]string{
		{"id", j.ID}, {"model", j.Model}, {"state", stateText(j)}, {"reason", j.Reason}, {"priority", j.Priority}, {"client", j.Client}, {"batch", j.Batch},
		{"created", when(j.Created)}, {"started", when(j.Started)}, {"finished", when(j.Finished)}, {"deadline", when(j.Deadline)}, {"took", spent(j)},
		{"attempts", fmt.Sprintf("%d of %d", j.Attempts, j.MaxAttempts)}, {"request", string(j.Request)}, {"files", strings.Join(j.Files, ", ")},
	}
	if j.ETA != nil {
		rows = append(rows, []string{"expected in", span(time.Duration(*j.ETA * float64(time.Second)))})
	}
	if r := j.Result; r != nil {
		rows = append(rows, []string{"clip", fmt.Sprintf("%s, %d bytes, sha256 %s", r.ContentType, r.Size, r.SHA256)})
	}
	if j.Error != nil {
		rows = append(rows, []string{"error", j.Error.Kind + ": " + j.Error.Detail})
	}
	var said [][]string
	for _, r := range rows {
		if r[1] != "" && r[1] != "-" {
			said = append(said, r)
		}
	}
	return table(w, []string{"field", "value"}, said)
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.RFC3339)
}

func newJobsWatchCmd() *cobra.Command {
	return jobCmd("watch ID", "Follow a job until it has ended",
		"Follow a job until it has ended; the exit status is 0 when it completed. With --json every event is one line. Interrupting leaves the job alone.",
		"  videosdgx jobs watch 0194f0a0-7b1e-7435-8a00-eea9e90c7ed7", func(cmd *cobra.Command, c *client.Client, id string) error {
			if _, err := c.Job(cmd.Context(), id); err != nil {
				return err // no server, or no such job: only one that was there is waited for
			}
			asJSON, _ := cmd.Flags().GetBool("json")
			t := newTracker(cmd.ErrOrStderr(), asJSON)
			defer t.close()
			j, err := c.Watch(cmd.Context(), id, func(e client.Event) {
				if asJSON {
					fmt.Fprintf(cmd.OutOrStdout(), "{\"event\":%q,\"id\":%q,\"data\":%s}\n", e.Type, e.ID, e.Data)
				}
				t.show(e)
			})
			if err != nil {
				return err
			}
			return jobFailure(j)
		})
}

func newJobsCancelCmd() *cobra.Command {
	var purge bool
	cmd := jobCmd("cancel ID", "Cancel a job", "Cancel a job: a waiting one ends at once, a running one within a second. --purge also removes it and its clip, once it has ended.",
		"  videosdgx jobs cancel 0194f0a0-7b1e-7435-8a00-eea9e90c7ed7", func(cmd *cobra.Command, c *client.Client, id string) error {
			if purge {
				return purgeJob(cmd, c, id)
			}
			j, err := c.Cancel(cmd.Context(), id)
			if err != nil {
				return err
			}
			return emit(cmd, j, func(w io.Writer) error { _, err := fmt.Fprintf(w, "job %s is %s\n", j.ID, j.Status); return err })
		})
	cmd.Flags().BoolVar(&purge, "purge", false, "also remove the job and its clip")
	return cmd
}

func purgeJob(cmd *cobra.Command, c *client.Client, id string) error {
	removed, err := c.Purge(cmd.Context(), id)
	if err != nil {
		return err
	}
	if !removed {
		return fmt.Errorf("job %s is being cancelled and has not ended yet: 'videosdgx jobs cancel %s --purge' once more removes it", id, id)
	}
	return emitRemoved(cmd, "job "+id, id)
}

func newJobsDownloadCmd() *cobra.Command {
	var to string
	cmd := jobCmd("download ID", "Save a completed job's clip", "Save a completed job's clip and check its digest.",
		"  videosdgx jobs download 0194f0a0-7b1e-7435-8a00-eea9e90c7ed7 -o clip.mp4", func(cmd *cobra.Command, c *client.Client, id string) error {
			j, err := c.Job(cmd.Context(), id)
			if err != nil {
				return err
			}
			if !j.Ended() {
				return fmt.Errorf("job %s is %s: 'videosdgx jobs watch %s' waits for its end", id, j.Status, id)
			}
			return finish(cmd, c, j, to)
		})
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error { return notBoth(cmd, to) }
	cmd.Flags().StringVarP(&to, "output", "o", "", "file or folder to save to, - for standard output")
	return cmd
}

func newJobsRetryCmd() *cobra.Command {
	return jobCmd("retry ID", "Queue a failed, dead or cancelled job again", "Queue a failed, dead or cancelled job again, with all its attempts and the same seed.",
		"  videosdgx jobs retry 0194f0a0-7b1e-7435-8a00-eea9e90c7ed7", func(cmd *cobra.Command, c *client.Client, id string) error {
			j, err := c.Retry(cmd.Context(), id)
			if err != nil {
				return err
			}
			return emit(cmd, j, func(w io.Writer) error { _, err := fmt.Fprintf(w, "job %s is %s\n", j.ID, j.Status); return err })
		})
}
