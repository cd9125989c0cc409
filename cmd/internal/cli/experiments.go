package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/runtime/client"
)

func init() { commands = append(commands, newExperimentsCmd) }

func newExperimentsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "experiments",
		Aliases: []string{"experiment"},
		Short:   "Compare two models, or two versions of one, by what people see",
		Long: `An experiment gives one request to two arms and asks people, at the page's A/B, which clip is better, without saying whose
it is. It has a winner when there are votes enough and the interval of the share lies above one half. The winner's version can get
an alias by itself, and an alias can be shared out to both arms while the experiment lasts.`,
	}
	cmd.AddCommand(newExperimentsLsCmd(), newExperimentsShowCmd(), newExperimentsCreateCmd(), newExperimentsShareCmd(), newExperimentsPromoteCmd(), newExperimentsRmCmd())
	return cmd
}

func experimentNames(ctx context.Context, c *client.Client) ([]string, error) {
	all, err := c.Experiments(ctx)
	out := make([]string, len(all))
	for i, e := range all {
		out[i] = e.Name + "\t" + standing(e)
	}
	return out, err
}

// experimentCmd makes a subcommand that works on one experiment.
func experimentCmd(use, short, long, example string, run func(cmd *cobra.Command, c *client.Client, name string) error) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Long: long, Example: example, Args: cobra.ExactArgs(1), ValidArgsFunction: completes(experimentNames)}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := aName("the name of an experiment", args[0]); err != nil {
			return err
		}
		c, err := newClient(cmd)
		if err != nil {
			return err
		}
		return run(cmd, c, args[0])
	}
	addServerFlag(cmd)
	addJSONFlag(cmd)
	return cmd
}

func newExperimentsLsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List experiments and how they stand",
		Long:    "List experiments by name: their arms, the pairs of clips and votes that there are, and the first arm's share of the votes with its interval.",
		Example: "  videosdgx experiments ls\n  videosdgx experiments ls --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			all, err := c.Experiments(cmd.Context())
			if err != nil {
				return err
			}
			return emit(cmd, map[string]any{"experiments": append([]client.Experiment{}, all...)}, func(w io.Writer) error {
				rows := make([][]string, len(all))
				for i, e := range all {
					s := scoreOf(e)
					rows[i] = []string{e.Name, armText(e, 0), armText(e, 1), strconv.Itoa(e.Pairs), fmt.Sprintf("%d:%d, %d ties", s.Votes[0], s.Votes[1], s.Ties), rateText(e), standing(e)}
				}
				return table(w, []string{"name", "first", "second", "pairs", "votes", "first's share", "standing"}, rows)
			})
		},
	}
	addServerFlag(cmd)
	addJSONFlag(cmd)
	return cmd
}

// scoreOf is how the votes stand; nobody has voted where the server says nothing.
func scoreOf(e client.Experiment) client.Score {
	if e.Score == nil {
		return client.Score{}
	}
	return *e.Score
}

func armText(e client.Experiment, i int) string {
	if i >= len(e.Arms) {
		return "?"
	}
	if a := e.Arms[i]; a.Version != "" {
		return a.Model + ":" + a.Version
	}
	return e.Arms[i].Model
}

func percentText(v float64) string { return strconv.FormatFloat(100*v, 'f', 0, 64) + " %" }

func rateText(e client.Experiment) string {
	s := scoreOf(e)
	if s.Votes[0]+s.Votes[1] == 0 {
		return "-"
	}
	return fmt.Sprintf("%s (%s to %s)", percentText(s.Rate), percentText(s.Low), percentText(s.High))
}

func standing(e client.Experiment) string {
	switch {
	case e.Winner == nil:
		return "open"
	case !e.Promoted.IsZero():
		return armText(e, *e.Winner) + " won and has the alias"
	case e.Failure != "":
		return armText(e, *e.Winner) + " won, without the alias"
	}
	return armText(e, *e.Winner) + " won"
}

func newExperimentsShowCmd() *cobra.Command {
	cmd := experimentCmd("show NAME", "Show one experiment", "Show everything that is known of one experiment.", "  videosdgx experiments show steps",
		func(cmd *cobra.Command, c *client.Client, name string) error {
			e, err := c.Experiment(cmd.Context(), name)
			if err != nil {
				return err
			}
			return emit(cmd, e, func(w io.Writer) error { return describeExperiment(w, e) })
		})
	cmd.Aliases = []string{"get"}
	return cmd
}

func describeExperiment(w io.Writer, e client.Experiment) error {
	s := scoreOf(e)
	rows := [][]string{
		{"name", e.Name}, {"first", armText(e, 0)}, {"second", armText(e, 1)}, {"standing", standing(e)},
		{"needs", fmt.Sprintf("%d votes, confidence %g", e.Criterion.Votes, e.Criterion.Confidence)}, {"pairs", strconv.Itoa(e.Pairs)},
		{"votes", fmt.Sprintf("%d for the first, %d for the second, %d for neither", s.Votes[0], s.Votes[1], s.Ties)}, {"first's share", rateText(e)},
		{"created", when(e.Created)}, {"decided", when(e.Decided)}, {"promoted", when(e.Promoted)}, {"failure", e.Failure},
	}
	if p := e.Promote; p != nil {
		rows = append(rows, []string{"winner gets", p.Function + ":" + p.Alias})
	}
	if t := e.Traffic; t != nil {
		rows = append(rows, []string{"shares out", fmt.Sprintf("%s, %s to the second", t.Alias, percentText(t.Share))})
	}
	var said [][]string
	for _, r := range rows {
		if r[1] != "" {
			said = append(said, r)
		}
	}
	return table(w, []string{"field", "value"}, said)
}

func newExperimentsCreateCmd() *cobra.Command {
	var promote, traffic string
	var share, confidence float64
	var votes int
	cmd := &cobra.Command{
		Use: "create NAME MODEL[:VERSION] MODEL[:VERSION]", Short: "Begin to compare two models, or two versions of one",
		Long: `Begin an experiment of two arms. Requests and votes are made at the page's A/B, or by POST /v1/experiments/NAME/pairs. With
--promote FUNCTION:ALIAS the winner's version gets that alias by itself; with --traffic ALIAS that alias of the arms' function is
shared out to both versions, --share of it to the second.`,
		Example: `  videosdgx experiments create wan-or-sana wan21 sana
  videosdgx experiments create steps wan21:3 wan21:4 --votes 40 --promote wan21:live
  videosdgx experiments create canary wan21:3 wan21:4 --traffic live --share 0.1`,
		Args: cobra.ExactArgs(3),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) == 1 || len(args) == 2 {
				return complete(cmd, modelNames, word), cobra.ShellCompDirectiveNoFileComp
			}
			return nil, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			e := client.Experiment{Name: args[0], Criterion: client.Criterion{Votes: votes, Confidence: confidence}}
			for _, a := range args[1:] {
				model, version, _ := strings.Cut(a, ":")
				e.Arms = append(e.Arms, client.Arm{Model: model, Version: version})
			}
			if promote != "" {
				function, alias, ok := strings.Cut(promote, ":")
				if !ok || function == "" || alias == "" {
					return usage(fmt.Errorf("--promote is %q: write it as FUNCTION:ALIAS, as wan21:live", promote))
				}
				e.Promote = &client.Promotion{Function: function, Alias: alias}
			}
			if traffic != "" {
				e.Traffic = &client.Traffic{Alias: traffic, Share: share}
			} else if cmd.Flags().Changed("share") {
				return usage(errors.New("--share is of an alias: name it with --traffic"))
			}
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			if e, err = c.CreateExperiment(cmd.Context(), e); err != nil {
				return err
			}
			return emit(cmd, e, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "experiment %s compares %s and %s: %s/#/experiments?name=%s\n", e.Name, armText(e, 0), armText(e, 1), c.URL(), e.Name)
				return err
			})
		},
	}
	addServerFlag(cmd)
	addJSONFlag(cmd)
	f := cmd.Flags()
	f.IntVar(&votes, "votes", 0, "votes that are no ties before an arm can win (default 20)")
	f.Float64Var(&confidence, "confidence", 0, "confidence of the interval, as 0.95 (the default)")
	f.StringVar(&promote, "promote", "", "alias that the winner's version gets, as FUNCTION:ALIAS")
	f.StringVar(&traffic, "traffic", "", "alias of the arms' function that both versions serve meanwhile")
	f.Float64Var(&share, "share", 0.5, "how much of --traffic the second arm gets, 0 to 1")
	return cmd
}

func newExperimentsShareCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "share NAME SHARE", Short: "Share out the alias of an experiment anew",
		Long:    "Share out the alias that both arms of an experiment serve: SHARE of it, 0 to 1, goes to the second arm.",
		Example: "  videosdgx experiments share canary 0.25",
		Args:    cobra.ExactArgs(2), ValidArgsFunction: completes(experimentNames),
		RunE: func(cmd *cobra.Command, args []string) error {
			share, err := strconv.ParseFloat(args[1], 64)
			if err != nil || !(share >= 0 && share <= 1) {
				return usage(fmt.Errorf("%.40q is no share: write a number from 0 to 1, as 0.25", args[1]))
			}
			if err := aName("the name of an experiment", args[0]); err != nil {
				return err
			}
			c, err := newClient(cmd)
			if err != nil {
				return err
			}
			e, err := c.ShareExperiment(cmd.Context(), args[0], share)
			if err != nil {
				return err
			}
			return emit(cmd, e, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "%s of %s goes to %s\n", percentText(share), e.Traffic.Alias, armText(e, 1))
				return err
			})
		},
	}
	addServerFlag(cmd)
	addJSONFlag(cmd)
	return cmd
}

func newExperimentsPromoteCmd() *cobra.Command {
	return experimentCmd("promote NAME", "Give the winner its alias, where it did not get it by itself",
		"A winner gets its alias by itself when the criterion holds. Where that failed, 'experiments show' says why; this tries again. An experiment without a winner is refused.",
		"  videosdgx experiments promote steps", func(cmd *cobra.Command, c *client.Client, name string) error {
			e, err := c.PromoteExperiment(cmd.Context(), name)
			if err != nil {
				return err
			}
			return emit(cmd, e, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "experiment %s: %s\n", e.Name, standing(e))
				return err
			})
		})
}

func newExperimentsRmCmd() *cobra.Command {
	return experimentCmd("rm NAME", "Remove an experiment; its clips stay", "Remove an experiment with its votes. Its clips stay, and an alias that it shared out goes back to the first arm.",
		"  videosdgx experiments rm steps", func(cmd *cobra.Command, c *client.Client, name string) error {
			if err := c.RemoveExperiment(cmd.Context(), name); err != nil {
				return err
			}
			return emitRemoved(cmd, "experiment "+name, name)
		})
}
