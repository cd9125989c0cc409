package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/cmd/internal/daemon"
	"github.com/videosdgx/videosdgx/runtime/audit"
)

func init() { commands = append(commands, newConfigCmd, newAuditCmd) }

func newConfigCmd() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Check a server's configuration"}
	cmd.AddCommand(newConfigCheckCmd())
	return cmd
}

func newConfigCheckCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "check", Short: "Say everything that is wrong with a configuration, without starting anything",
		Long: `Read a configuration as serve would, from the file, the environment and flags, and check what it names: certificates, keys,
lists, the repository of backups. All that is wrong is said at once, and the exit status is 1 then.`,
		Example: `  videosdgx config check --config /etc/videosdgx/config.yaml
  VIDEOSDGX_LISTEN=0.0.0.0:9000 videosdgx config check --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := daemon.Load(cmd.Flags(), os.Getenv)
			if err == nil {
				err = daemon.Check(c)
			}
			mistakes := []string{}
			if err != nil {
				mistakes = strings.Split(err.Error(), "\n")
			}
			out := map[string]any{"good": err == nil, "problems": mistakes}
			if perr := emit(cmd, out, func(w io.Writer) error {
				for _, p := range mistakes {
					fmt.Fprintln(w, p)
				}
				if err == nil {
					_, err := fmt.Fprintln(w, "the configuration is good")
					return err
				}
				return nil
			}); perr != nil {
				return perr
			}
			if err != nil {
				return &ExitError{Code: 1}
			}
			return nil
		},
	}
	daemon.AddFlags(cmd.Flags())
	completeServer(cmd)
	addJSONFlag(cmd)
	return cmd
}

func newAuditCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "audit", Short: "Check the log of who did what",
		Long: `A server that asks who its callers are writes DATA/audit/YEAR-MONTH.jsonl: a line for each request that changed something or
was refused, with who, what, from where and what came of it. Lines are only ever appended, and each names the digest of the
one before it, also over the months.`,
	}
	var has string
	verify := &cobra.Command{
		Use: "verify PATH", Short: "Say whether a line was changed or taken away",
		Long: `Read the audit log in a folder, or one month's file of it, and follow it from line to line. The server writes the digest of the
last line into its own log every hour, at a month's end and at its stop: --has with a digest from there shows that no line up
to that one was taken away, and that the log was not written anew.`,
		Example: `  videosdgx audit verify /var/lib/videosdgx/audit
  videosdgx audit verify /var/lib/videosdgx/audit/2026-11.jsonl
  videosdgx audit verify /var/lib/videosdgx/audit --has "$(journalctl -u videosdgx -o cat | jq -r 'select(.msg=="audit log").head' | tail -n 1)"`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := audit.Verify(args[0], has)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return emit(cmd, found, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "%d lines, each after the one it names; the last has the digest %s\n", found.Lines, orDash(found.Head))
				return err
			})
		},
	}
	verify.Flags().StringVar(&has, "has", "", "digest of a line that must be there")
	addJSONFlag(verify)
	cmd.AddCommand(verify)
	return cmd
}
