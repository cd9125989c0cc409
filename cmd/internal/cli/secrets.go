package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/cmd/internal/daemon"
)

func init() { commands = append(commands, newSecretsCmd) }

func newSecretsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "secrets",
		Short: "Keep secrets for functions, encrypted",
		Long: `A manifest says where a function's secrets are, and the function gets them as variables:

  secrets:
    API_TOKEN: store:api-token              # kept by 'videosdgx secrets set api-token'
    DB_PASSWORD: file:/etc/videosdgx/secrets/db
    HF_TOKEN: credential:hf-token           # LoadCredential= of the server's systemd unit

They are in that function's environment and nowhere else: not in manifests, commands, containers' configurations, logs or
answers. A function with secrets makes no snapshots, which would hold them. A new value serves instances that start after it.

The store is DATA/secrets.age, encrypted by age for the identity in --secrets-key. Backups have the store, not the key.`,
	}
	for _, c := range []*cobra.Command{newSecretsSetCmd(), newSecretsLsCmd(), newSecretsRmCmd(), newSecretsRotateCmd()} {
		daemon.AddPlaceFlags(c.Flags())
		addJSONFlag(c)
		cmd.AddCommand(c)
	}
	return cmd
}

func newSecretsSetCmd() *cobra.Command {
	return &cobra.Command{
		Use: "set NAME", Short: "Keep a secret that is read from standard input",
		Example: `  videosdgx secrets set api-token < token.txt
  pass show api | videosdgx secrets set api-token --data /srv/videosdgx`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			value, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), 1<<20))
			if err != nil {
				return err
			}
			value = bytes.TrimRight(value, "\r\n")
			if len(value) == 0 {
				return errors.New("standard input is empty: write the secret to it, as in 'videosdgx secrets set NAME < FILE'")
			}
			return changeSecret(cmd, args[0], string(value), "kept")
		},
	}
}

func newSecretsRmCmd() *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME", Short: "Remove a secret",
		Example: "  videosdgx secrets rm api-token",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return changeSecret(cmd, args[0], "", "removed") },
	}
}

func newSecretsLsCmd() *cobra.Command {
	return &cobra.Command{
		Use: "ls", Short: "List the names of the secrets",
		Example: "  videosdgx secrets ls --json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := daemon.Load(cmd.Flags(), os.Getenv)
			if err != nil {
				return err
			}
			names, err := c.Secrets().Store.List()
			if err != nil {
				return err
			}
			const empty = "no secrets: 'videosdgx secrets set NAME' keeps what it reads from standard input"
			return emitList(cmd, map[string]any{"secrets": append([]string{}, names...)}, len(names), empty, func(w io.Writer) error {
				rows := make([][]string, len(names))
				for i, n := range names {
					rows[i] = []string{n, "store:" + n}
				}
				return table(w, []string{"name", "reference"}, rows)
			})
		},
	}
}

func newSecretsRotateCmd() *cobra.Command {
	return &cobra.Command{
		Use: "rotate", Short: "Encrypt the store for a new identity",
		Long: `Make another age identity in --secrets-key and encrypt the store for it. The identity of before opens nothing any more but the
stores in backups that were made until now: keep it where those may be needed.`,
		Example: "  videosdgx secrets rotate --data /srv/videosdgx",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := daemon.Load(cmd.Flags(), os.Getenv)
			if err != nil {
				return err
			}
			n, err := c.Secrets().Store.Rotate()
			if err != nil {
				return err
			}
			return emit(cmd, map[string]int{"secrets": n}, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "%d secrets are encrypted for a new identity in %s\n", n, c.SecretsKey)
				return err
			})
		},
	}
}

func changeSecret(cmd *cobra.Command, name, value, did string) error {
	c, err := daemon.Load(cmd.Flags(), os.Getenv)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Data, 0o755); err != nil {
		return err
	}
	if err := c.Secrets().Store.Set(name, value); err != nil {
		return err
	}
	return emit(cmd, map[string]string{did: name}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "secret %s %s\n", name, did)
		return err
	})
}
