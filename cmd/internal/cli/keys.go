package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/runtime/auth"
	"github.com/videosdgx/videosdgx/runtime/auth/keys"
	"github.com/videosdgx/videosdgx/runtime/client"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func init() { commands = append(commands, newKeysCmd) }

func newKeysCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make, list and revoke API keys",
		Long: `API keys say who a request comes from and what it may do. A server on this machine's own address asks nobody until the
first key is made; from then on every request must carry one, on every entrance: 'Authorization: Bearer KEY', or
'X-Api-Key: KEY', or for videosdgx itself VIDEOSDGX_KEY, VIDEOSDGX_KEY_FILE or --key-file. Who may use the unix socket of the
server (--server unix:DATA/videosdgx.sock) needs no key.

Each key is for a name; keys of one name see one another's jobs, and no others. Scopes say what it opens:

  invoke    call functions, by the Lambda API and by their URLs
  submit    queue jobs and upload files, cancel and retry own jobs
  read      see own jobs and fetch their clips
  read-all  see everybody's jobs, the functions and what runs
  metrics   read /metrics and what has been measured of models
  manage    deploy, remove and stop; everybody's jobs; keys: it implies all others`,
	}
	cmd.AddCommand(newKeysCreateCmd(), newKeysLsCmd(), newKeysRevokeCmd())
	return cmd
}

// addKeysFlags gives cmd the flags that keyring reads.
func addKeysFlags(cmd *cobra.Command) {
	cmd.Flags().String("file", "", "work on this file of keys itself, without a server: DATA/keys.json")
	addServerFlag(cmd)
	addJSONFlag(cmd)
}

// keyring is where keys are kept: a server, or a file that one reads.
type keyring struct {
	file   *keys.Store // nil: the server
	server *client.Client
}

func openKeyring(cmd *cobra.Command) (k keyring, err error) {
	path, err := cmd.Flags().GetString("file")
	if err != nil {
		return k, err
	}
	if path != "" {
		k.file, err = keys.Open(path)
		return k, err
	}
	k.server, err = newClient(cmd)
	return k, err
}

func keyOf(r keys.Record, secret string) client.Key {
	return client.Key{ID: r.ID, Name: r.Name, Scopes: r.Scopes.List(), State: r.State(time.Now()), Created: r.Created, Expires: r.Expires, Revoked: r.Revoked, Key: secret}
}

func keysOf(all []keys.Record) []client.Key {
	out := make([]client.Key, len(all))
	for i, r := range all {
		out[i] = keyOf(r, "")
	}
	return out
}

func newKeysCreateCmd() *cobra.Command {
	var scopes []string
	var expires, to string
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a key and print it, once",
		Long: `Make a key for somebody and print it. The server keeps a digest of it alone: a key that is lost cannot be shown again, only
replaced. The first key of a server that asks nobody closes it to all who have none; make that one with the scope manage.

--file works on a file that no server reads yet, as a server that others reach needs before it starts.`,
		Example: `  videosdgx keys create admin --scopes manage
  videosdgx keys create alice --scopes submit,read --expires 90d -o alice.key
  videosdgx keys create prometheus --scopes metrics --json
  videosdgx keys create admin --scopes manage --file /var/lib/videosdgx/keys.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := keyFile(to)
			if err != nil {
				return err
			}
			k, err := createKey(cmd, args[0], scopes, expires)
			if err != nil {
				return errors.Join(err, file.drop())
			}
			if to != "" {
				if err := file.keep(k.Key + "\n"); err != nil {
					return fmt.Errorf("the key %s is made but cannot be kept: %w; revoke it with 'videosdgx keys revoke %s'", k.ID, err, k.ID)
				}
				k.Key = ""
			}
			return emit(cmd, k, func(w io.Writer) error {
				fmt.Fprintf(cmd.ErrOrStderr(), "key %s for %s: %s, expires %s\n", k.ID, k.Name, strings.Join(k.Scopes, ","), cmp.Or(until(k.Expires), "never"))
				if to == "" {
					_, err := fmt.Fprintln(w, k.Key)
					return err
				}
				return nil
			})
		},
	}
	cmd.Flags().StringSliceVar(&scopes, "scopes", []string{"invoke", "submit", "read"}, "what it opens, with commas between them: "+strings.Join(auth.Names, ", "))
	cmd.Flags().StringVar(&expires, "expires", "", "how long it is good, such as 90d or 12h (default: until it is revoked)")
	cmd.Flags().StringVarP(&to, "output", "o", "", "write the key to this new file, for this user alone, instead of printing it")
	completesOneOf(cmd, "scopes", auth.Names...)
	addKeysFlags(cmd)
	return cmd
}

// newFile is a file for a key, made before there is one: where it cannot be, no key is made.
type newFile struct{ *os.File }

// keyFile makes it; none for "". A file that is there may be the only place of another key: it stays.
func keyFile(to string) (f newFile, err error) {
	if to == "" {
		return f, nil
	}
	f.File, err = os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return f, usage(fmt.Errorf("%s is there already, and may hold another key: give another name with -o, or remove it", to))
	}
	if err != nil {
		return f, usage(fmt.Errorf("the key could not be kept: %w", err))
	}
	return f, nil
}

func (f newFile) keep(text string) error {
	_, err := f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}

func (f newFile) drop() error {
	if f.File == nil {
		return nil
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

func createKey(cmd *cobra.Command, name string, scopes []string, expires string) (client.Key, error) {
	set, err := auth.ParseScopes(scopes)
	if err != nil {
		return client.Key{}, usage(err)
	}
	var span time.Duration
	if expires != "" {
		if span, err = days(expires); err != nil {
			return client.Key{}, usage(err)
		}
	}
	ring, err := openKeyring(cmd)
	if err != nil {
		return client.Key{}, err
	}
	if ring.file == nil {
		return ring.server.CreateKey(cmd.Context(), name, set.List(), span)
	}
	r, secret, err := ring.file.Create(keys.Wish{Name: name, Scopes: set, Expires: span})
	return keyOf(r, secret), err
}

// days reads a span that may be in days.
func days(s string) (time.Duration, error) {
	var d spec.Duration
	if n, ok := strings.CutSuffix(s, "d"); ok {
		var whole int
		if _, err := fmt.Sscanf(n+"!", "%d!", &whole); err == nil && whole > 0 && whole <= 36500 {
			return time.Duration(whole) * 24 * time.Hour, nil
		}
	} else if err := d.UnmarshalText([]byte(s)); err == nil && d >= spec.Duration(time.Second) {
		return d.D(), nil
	}
	return 0, fmt.Errorf("--expires is %q: write it like 90d, 12h or 30m", s)
}

// until is the moment at which a key ends; "": none.
func until(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func newKeysLsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List all keys, without their secrets",
		Example: `  videosdgx keys ls
  videosdgx keys ls --json
  videosdgx keys ls --file /var/lib/videosdgx/keys.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := listKeys(cmd)
			if err != nil {
				return err
			}
			return emitKeys(cmd, all)
		},
	}
	addKeysFlags(cmd)
	return cmd
}

func listKeys(cmd *cobra.Command) ([]client.Key, error) {
	ring, err := openKeyring(cmd)
	if err != nil {
		return nil, err
	}
	if ring.file == nil {
		return ring.server.Keys(cmd.Context())
	}
	all, err := ring.file.List()
	return keysOf(all), err
}

func emitKeys(cmd *cobra.Command, all []client.Key) error {
	const empty = "no keys: who reaches the server's address needs none until 'videosdgx keys create admin --scopes manage' makes the first"
	return emitList(cmd, map[string]any{"keys": append([]client.Key{}, all...)}, len(all), empty, func(w io.Writer) error {
		rows := make([][]string, len(all))
		for i, k := range all {
			rows[i] = []string{k.ID, k.Name, strings.Join(k.Scopes, ","), k.State, ago(k.Created), cmp.Or(until(k.Expires), "never")}
		}
		return table(w, []string{"id", "name", "scopes", "state", "age", "expires"}, rows)
	})
}

func newKeysRevokeCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke ID|NAME",
		Short: "End a key, or all keys of a name",
		Long: `End a key by its id, or all keys of a name. Requests with it are refused from that moment on (within a second where --file
is used). A revoked key stays in the list: a server that has ever had a key asks for one.`,
		Example: `  videosdgx keys revoke mfrggzdf
  videosdgx keys revoke alice`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completes(keyIDs),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := aName("a key's id or name", args[0]); err != nil {
				return err
			}
			ring, err := openKeyring(cmd)
			if err != nil {
				return err
			}
			var ended []client.Key
			var warning string
			if ring.file == nil {
				ended, warning, err = ring.server.RevokeKey(cmd.Context(), args[0])
			} else {
				var records []keys.Record
				records, _, err = ring.file.Revoke(args[0])
				ended = keysOf(records)
			}
			if err != nil {
				return err
			}
			if warning != "" {
				fmt.Fprintln(cmd.ErrOrStderr(), "warning: "+warning)
			}
			return emitKeys(cmd, ended)
		},
	}
	addKeysFlags(cmd)
	return cmd
}
