package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/videosdgx/videosdgx/cmd/internal/daemon"
	"github.com/videosdgx/videosdgx/runtime/backup"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func init() { commands = append(commands, newBackupCmd) }

func newBackupCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup",
		Short: "Make, check and restore backups of a server",
		Long: `A backup has what a server must not lose: the queue with its jobs, clips and uploads, functions and their versions, events
that wait, keys. It is taken while the server runs, and is consistent: what the queue names is in it. Models, images, snapshots
and logs are left out, since they can be had again; a queue in Redis is backed up by Redis's own means.

A repository is a folder, best on another disk. It keeps every content once, so that a further backup costs what is new. A
backup that is interrupted leaves those before it as they were, and a restore that is interrupted goes on when it is run
again. 'serve --backup FOLDER' makes one every day by itself.`,
	}
	cmd.AddCommand(newBackupCreateCmd(), newBackupLsCmd(), newBackupVerifyCmd(), newBackupRestoreCmd())
	return cmd
}

// backupLine is a backup as it is shown.
type backupLine struct {
	ID    string     `json:"id"`
	Files int        `json:"files"`
	Bytes spec.Bytes `json:"bytes"`
	New   spec.Bytes `json:"newBytes,omitempty"` // that the repository had not before
	Notes []string   `json:"notes,omitempty"`
	Lost  []string   `json:"lost,omitempty"` // files whose content is gone or damaged
}

func lineOf(b backup.Backup) backupLine {
	return backupLine{ID: b.ID, Files: len(b.Files), Bytes: spec.Bytes(b.Bytes()), Notes: b.Notes}
}

// addIdentity gives cmd the flag with which encrypted backups are read.
func addIdentity(cmd *cobra.Command) {
	cmd.Flags().String("identity", "", "file of the age identity that the backups are encrypted for")
}

func openBackups(cmd *cobra.Command, dir string, recipients ...string) (*backup.Repo, error) {
	identity, _ := cmd.Flags().GetString("identity")
	return daemon.OpenBackups(dir, daemon.BackupOptions{Recipients: recipients, Identity: identity})
}

func newBackupCreateCmd() *cobra.Command {
	var recipients []string
	cmd := &cobra.Command{
		Use:   "create REPOSITORY",
		Short: "Make a backup, also while the server runs",
		Example: `  videosdgx backup create /mnt/backup/videosdgx
  videosdgx backup create /mnt/backup/videosdgx --config /etc/videosdgx/config.yaml
  videosdgx backup create /mnt/backup/videosdgx --data /srv/videosdgx --recipient age1...`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := daemon.Load(cmd.Flags(), os.Getenv)
			if err != nil {
				return err
			}
			if _, err := os.Stat(c.Data); err != nil {
				return fmt.Errorf("there is no data folder to back up: %w; name it with --data or --config", err)
			}
			repo, err := openBackups(cmd, args[0], recipients...)
			if err != nil {
				return err
			}
			made, err := daemon.Backup(cmd.Context(), c, repo)
			if err != nil {
				return err
			}
			line := lineOf(made.Backup)
			line.New = spec.Bytes(made.New)
			return emit(cmd, line, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "%s: %d files, %s, of which %s new\n", line.ID, line.Files, size(line.Bytes), size(line.New))
				return err
			})
		},
	}
	cmd.Flags().StringArrayVar(&recipients, "recipient", nil, "encrypt for this age recipient, such as age1...; may be given several times")
	daemon.AddPlaceFlags(cmd.Flags())
	addIdentity(cmd)
	addJSONFlag(cmd)
	return cmd
}

func newBackupLsCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "ls REPOSITORY", Short: "List the backups of a repository",
		Example: `  videosdgx backup ls /mnt/backup/videosdgx`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			repo, err := openBackups(cmd, args[0])
			if err != nil {
				return err
			}
			ids, err := repo.List()
			if err != nil {
				return err
			}
			lines := []backupLine{}
			var damaged error // the others are there all the same
			for _, id := range ids {
				b, err := repo.Get(id)
				if err != nil {
					damaged = errors.Join(damaged, err)
					continue
				}
				lines = append(lines, lineOf(b))
			}
			empty := fmt.Sprintf("no backups in %s: 'videosdgx backup create %[1]s' makes one", args[0])
			err = emitList(cmd, map[string]any{"backups": lines}, len(lines)+len(ids), empty, func(w io.Writer) error {
				rows := make([][]string, len(lines))
				for i, l := range lines {
					rows[i] = []string{l.ID, strconv.Itoa(l.Files), size(l.Bytes)}
				}
				return table(w, []string{"id", "files", "size"}, rows)
			})
			return errors.Join(err, damaged)
		},
	}
	addIdentity(cmd)
	addJSONFlag(cmd)
	return cmd
}

// theBackup is the one that the arguments REPOSITORY [ID] name: the latest without an id.
func theBackup(cmd *cobra.Command, args []string) (*backup.Repo, backup.Backup, error) {
	repo, err := openBackups(cmd, args[0])
	if err != nil {
		return nil, backup.Backup{}, err
	}
	id := ""
	if len(args) > 1 {
		id = args[1]
	}
	b, err := repo.Get(id)
	return repo, b, err
}

var errLost = errors.New("the backup is not whole")

func newBackupVerifyCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "verify REPOSITORY [ID]", Short: "Read every byte of a backup, the latest by default, and compare it with its digests",
		Example: `  videosdgx backup verify /mnt/backup/videosdgx
  videosdgx backup verify /mnt/backup/videosdgx 20261128T0215 --identity key.txt`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			repo, b, err := theBackup(cmd, args)
			if err != nil {
				return err
			}
			line := lineOf(b)
			if line.Lost, err = repo.Verify(cmd.Context(), b); err != nil {
				return err
			}
			err = emit(cmd, line, func(w io.Writer) error {
				for _, name := range line.Lost {
					fmt.Fprintln(w, "lost:", printable(name))
				}
				_, err := fmt.Fprintf(w, "%s: %d files, %s, %d lost\n", line.ID, line.Files, size(line.Bytes), len(line.Lost))
				return err
			})
			if err == nil && len(line.Lost) > 0 {
				err = fmt.Errorf("%w: %d of its %d files are lost", errLost, len(line.Lost), line.Files)
			}
			return err
		},
	}
	addIdentity(cmd)
	addJSONFlag(cmd)
	return cmd
}

func newBackupRestoreCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use: "restore REPOSITORY [ID]", Short: "Write a backup, the latest by default, into an empty data folder",
		Long: `Write a backup into the data folder that --data or --config names, which must be empty or not there. A server does not
start on a folder in which a restore has not ended: run the same command again, and it goes on.`,
		Example: `  videosdgx backup restore /mnt/backup/videosdgx --data /var/lib/videosdgx
  videosdgx backup restore /mnt/backup/videosdgx 20261128T0215 --config /etc/videosdgx/config.yaml --identity key.txt`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := daemon.Load(cmd.Flags(), os.Getenv)
			if err != nil {
				return err
			}
			repo, b, err := theBackup(cmd, args)
			if err != nil {
				return err
			}
			if err := daemon.Restore(cmd.Context(), c, repo, b); err != nil {
				return err
			}
			return emit(cmd, lineOf(b), func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "%s: %d files, %s, restored into %s\n", b.ID, len(b.Files), size(spec.Bytes(b.Bytes())), c.Data)
				return err
			})
		},
	}
	daemon.AddPlaceFlags(cmd.Flags())
	addIdentity(cmd)
	addJSONFlag(cmd)
	return cmd
}
