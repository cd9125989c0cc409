package cli

import (
	"cmp"
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/runtime/client"
)

// addServerFlag gives cmd the --server flag that newClient reads.
func addServerFlag(cmd *cobra.Command) {
	def := cmp.Or(os.Getenv("VIDEOSDGX_SERVER"), client.DefaultServer)
	cmd.Flags().String("server", def, "address of the videosdgx server, or unix:SOCKET (environment: VIDEOSDGX_SERVER)")
	cmd.Flags().String("key-file", "", "file with the API key or token of a server that asks for one (environment: VIDEOSDGX_KEY_FILE, or VIDEOSDGX_KEY with the key itself)")
}

var errEmptyServer = errors.New("--server is empty: write it like " + client.DefaultServer)

// newClient makes a client for the server that cmd's --server flag names.
func newClient(cmd *cobra.Command) (*client.Client, error) {
	addr, err := cmd.Flags().GetString("server")
	if err != nil {
		return nil, err
	}
	if addr == "" {
		return nil, usage(errEmptyServer)
	}
	file, err := cmd.Flags().GetString("key-file")
	if err != nil {
		return nil, err
	}
	return client.New(client.Options{Server: addr, KeyFile: file})
}
