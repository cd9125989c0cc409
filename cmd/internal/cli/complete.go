package cli

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/runtime/client"
)

// completionTime is how long a shell waits for the server before it completes nothing.
const completionTime = time.Second

// names asks a server for what an argument may be; each may carry a description behind a tab.
type names func(ctx context.Context, c *client.Client) ([]string, error)

// completes makes a command's first argument completable.
func completes(ask names) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(cmd, ask, word), cobra.ShellCompDirectiveNoFileComp
	}
}

// completesFlag makes a flag's value completable.
func completesFlag(cmd *cobra.Command, flag string, ask names) {
	_ = cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, _ []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return complete(cmd, ask, word), cobra.ShellCompDirectiveNoFileComp
	}) // it fails for a flag that is not there alone, which a test would see
}

// completesOneOf is completesFlag for a flag whose values are known.
func completesOneOf(cmd *cobra.Command, flag string, values ...string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // as above
}

func complete(cmd *cobra.Command, ask names, word string) []string {
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	c, err := newClient(cmd)
	if err != nil {
		return nil
	}
	all, err := ask(ctx, c)
	if err != nil {
		return nil // a shell has no place for an error
	}
	var fit []string
	for _, n := range all {
		if strings.HasPrefix(n, word) {
			name, about, _ := strings.Cut(n, "\t")
			fit = append(fit, printable(name)+"\t"+printable(about))
		}
	}
	return fit
}

func functionNames(ctx context.Context, c *client.Client) ([]string, error) {
	all, err := c.Functions(ctx)
	out := make([]string, len(all))
	for i, f := range all {
		out[i] = f.Function.Name + "\t" + f.Function.Description
	}
	return out, err
}

func instanceIDs(ctx context.Context, c *client.Client) ([]string, error) {
	all, err := c.Instances(ctx, "")
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = s.ID + "\t" + s.Function + " " + string(s.State)
	}
	return out, err
}

func modelNames(ctx context.Context, c *client.Client) ([]string, error) {
	all, err := c.Models(ctx)
	out := make([]string, len(all))
	for i, m := range all {
		out[i] = m.Model + "\t" + m.Status
	}
	return out, err
}

func jobIDs(ctx context.Context, c *client.Client) ([]string, error) {
	all, _, err := c.Jobs(ctx, client.JobFilter{Limit: 100})
	out := make([]string, len(all))
	for i, j := range all {
		out[i] = j.ID + "\t" + j.Status + ", " + shorten(j.Prompt(), 40)
	}
	return out, err
}

func snapshotIDs(ctx context.Context, c *client.Client) ([]string, error) {
	all, err := c.Snapshots(ctx)
	out := make([]string, len(all))
	for i, s := range all {
		out[i] = s.ID + "\t" + s.Function + " " + string(s.State)
	}
	return out, err
}

// bundleNames lists the models folder, which is on this machine.
func bundleNames(cmd *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	entries, _ := os.ReadDir(modelsDir(cmd)) // none, if it is not there
	var fit []string
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), word) {
			fit = append(fit, e.Name())
		}
	}
	return fit, cobra.ShellCompDirectiveDefault
}

func keyIDs(ctx context.Context, c *client.Client) ([]string, error) {
	all, err := c.Keys(ctx)
	out := make([]string, 0, len(all))
	for _, k := range all {
		if k.State == "good" {
			out = append(out, k.ID+"\t"+k.Name+" "+strings.Join(k.Scopes, ","))
		}
	}
	return out, err
}
