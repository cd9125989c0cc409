package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/runtime/client"
)

func init() { commands = append(commands, newAnalyticsCmd) }

func newAnalyticsCmd() *cobra.Command {
	var f client.UsageFilter
	var asCSV bool
	cmd := &cobra.Command{
		Use: "analytics", Aliases: []string{"usage"}, Short: "Show what the queue has done: clips, seconds, cold starts, failures",
		Long: `Show what the queue has done over a span of time, from the records in its store: restarts lose nothing, retention and purges
take what they remove. --by says what the table is of; --csv prints that table as CSV, in which no text is a formula, and --json the
whole report.`,
		Example: `  videosdgx analytics
  videosdgx analytics --span 7d --by client --zone America/Sao_Paulo
  videosdgx analytics --span 30d --model wan21 --csv > usage.csv
  videosdgx analytics --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			asJSON, _ := cmd.Flags().GetBool("json")
			if asCSV && asJSON {
				return usage(errors.New("--csv and --json are two forms: choose one"))
			}
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			if asCSV {
				body, err := c.UsageTable(cmd.Context(), f)
				if err != nil {
					return err
				}
				defer body.Close()
				_, err = io.Copy(cmd.OutOrStdout(), body)
				return err
			}
			var whole json.RawMessage
			if err := c.Usage(cmd.Context(), f, &whole); err != nil {
				return err
			}
			return emit(cmd, whole, func(w io.Writer) error {
				var r usageReport
				if err := json.Unmarshal(whole, &r); err != nil {
					return fmt.Errorf("the report is not what this version expects: %w", err)
				}
				return r.print(w, f.By)
			})
		},
	}
	addServerFlag(cmd)
	addJSONFlag(cmd)
	g := cmd.Flags()
	g.BoolVar(&asCSV, "csv", false, "print the table as CSV instead of text")
	g.StringVar(&f.Span, "span", "", "how long, up to now: 1h, 24h (default), 7d or 30d")
	g.StringVar(&f.From, "from", "", "instead of --span: the beginning, as 2026-11-28T00:00:00Z")
	g.StringVar(&f.To, "to", "", "the end (default now)")
	g.StringVarP(&f.Model, "model", "m", "", "only jobs of this model")
	g.StringVar(&f.Client, "client", "", "only jobs of this client")
	g.StringVar(&f.Zone, "zone", "", "time zone whose days and hours are counted, as America/Sao_Paulo (default UTC)")
	g.StringVar(&f.By, "by", "model", "what the table is of: time, model, client, hour or failure")
	completesFlag(cmd, "model", modelNames)
	completesOneOf(cmd, "span", "1h", "24h", "7d", "30d")
	completesOneOf(cmd, "by", "time", "model", "client", "hour", "failure")
	return cmd
}

// usageSum is what jobs have come to.
type usageSum struct {
	Start                                time.Time
	Name                                 string
	Jobs, Completed, Failed, Cold, Bytes int64
	Cancelled                            int64
	Seconds                              float64
	GPUSeconds                           float64 `json:"gpu_seconds"`
}

type usageSpread struct {
	Count         int
	P50, P90, P99 float64
}

// usageReport is what of a report a terminal shows.
type usageReport struct {
	From, To                 time.Time
	Partial                  bool
	Total                    usageSum
	Over                     []usageSum `json:"over_time"`
	Models, Clients          []usageSum
	Hours                    []usageSum `json:"hours_of_day"`
	Waiting, Starting, Whole usageSpread
	Failures                 []struct {
		Kind, Detail string
		Jobs         int64
		Last         time.Time
	}
}

func (r usageReport) print(w io.Writer, by string) error {
	t := r.Total
	fmt.Fprintf(w, "%s to %s: %d clips, %d failed, %d cancelled, %d cold starts, %s of work\n", r.From.Format(time.RFC3339), r.To.Format(time.RFC3339), t.Completed, t.Failed, t.Cancelled, t.Cold, seconds(t.Seconds))
	if s := r.Whole; s.Count > 0 {
		fmt.Fprintf(w, "from the request to the clip: p50 %s, p90 %s, p99 %s; waiting p50 %s, starting p50 %s\n", seconds(s.P50), seconds(s.P90), seconds(s.P99), seconds(r.Waiting.P50), seconds(r.Starting.P50))
	}
	if r.Partial {
		fmt.Fprintln(w, "There were more jobs than are read at once: the oldest are not in it.")
	}
	if by == "failure" {
		rows := make([][]string, len(r.Failures))
		for i, f := range r.Failures {
			rows[i] = []string{strconv.FormatInt(f.Jobs, 10), f.Kind, f.Last.Format(time.RFC3339), shorten(f.Detail, 80)}
		}
		return table(w, []string{"jobs", "kind", "last", "detail"}, rows)
	}
	parts, head := map[string][]usageSum{"time": r.Over, "client": r.Clients, "hour": r.Hours}[by], by
	if parts == nil {
		parts, head = r.Models, "model"
	}
	var rows [][]string
	for _, s := range parts {
		if s.Jobs == 0 {
			continue
		}
		if head == "time" {
			s.Name = s.Start.Format(time.RFC3339)
		}
		n := func(v int64) string { return strconv.FormatInt(v, 10) }
		rows = append(rows, []string{s.Name, n(s.Jobs), n(s.Completed), n(s.Failed), n(s.Cancelled), n(s.Cold), seconds(s.Seconds), seconds(s.GPUSeconds), n(s.Bytes)})
	}
	return table(w, []string{head, "jobs", "clips", "failed", "cancelled", "cold", "time", "gpu time", "bytes"}, rows)
}

func seconds(s float64) string { return span(time.Duration(s * float64(time.Second))) }
