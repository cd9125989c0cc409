package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/cmd/internal/daemon"
)

func init() { commands = append(commands, newServeCmd) }

func newServeCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server: functions, jobs and their HTTP API",
		Long: `Run the control plane. It loads every FUNCTIONS/*/function.yaml, watches that folder, starts an instance of a function
when somebody invokes it, keeps it warm while that pays, and takes it away again.

Instances are containers where containerd and root are to be had (the system's daemon when its socket answers, else a
private one that serve starts and stops), and plain processes elsewhere; the log says what is not isolated then.

Each flag is also an environment variable, named beside it, and a key of the configuration file, as in "keep-alive: 5m".
Flags win over the environment, and that over the file.

It prints "listening on http://..." once it takes requests. SIGTERM and Ctrl-C stop it: streams end first, invocations in
flight get --stop to finish, then instances are removed. Jobs in the queue stay there.

SIGHUP (systemctl reload videosdgx) has it read its configuration again and take up ` + daemon.Live() + `; the log says which others
have changed and need a restart. A wrong configuration changes nothing. Certificates, the issuer's keys, API keys and functions are
read again by themselves when their files change.`,
		Example: `  videosdgx serve
  videosdgx serve --listen 127.0.0.1:9000 --data /srv/videosdgx --functions /srv/functions
  VIDEOSDGX_DRIVER=process videosdgx serve
  videosdgx serve --config /etc/videosdgx.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := daemon.Load(cmd.Flags(), os.Getenv)
			if err != nil {
				return err
			}
			again := func() (daemon.Config, error) { return daemon.Load(cmd.Flags(), os.Getenv) }
			return daemon.Run(cmd.Context(), c, cmd.ErrOrStderr(), again, func(url string) {
				fmt.Fprintf(cmd.OutOrStdout(), "listening on %s\n", url)
			})
		},
	}
	daemon.AddFlags(cmd.Flags())
	completeServer(cmd)
	return cmd
}

// completeServer completes the values of a server's settings that are one of a few.
func completeServer(cmd *cobra.Command) {
	completesOneOf(cmd, "driver", "auto", "containerd", "process")
	completesOneOf(cmd, "log-level", "debug", "info", "warn", "error")
	completesOneOf(cmd, "log-format", "text", "json")
	completesOneOf(cmd, "snapshots", "auto", "off")
}
