package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/spf13/pflag"

	"github.com/videosdgx/videosdgx/cmd/internal/version"
	"github.com/videosdgx/videosdgx/internal/atomicfile"
	"github.com/videosdgx/videosdgx/runtime/backup"
	"github.com/videosdgx/videosdgx/runtime/jobs"
	"github.com/videosdgx/videosdgx/runtime/jobs/sqlite"
)

// placeFlags are the settings that say where a server keeps what a backup takes.
var placeFlags = []string{"data", "functions", "outputs", "keys", "queue", "secrets-key"}

// AddPlaceFlags gives fs the flags with which a command finds the files of a server, and --config.
func AddPlaceFlags(fs *pflag.FlagSet) {
	all := pflag.NewFlagSet("", pflag.ContinueOnError)
	AddFlags(all)
	for _, name := range append([]string{"config"}, placeFlags...) {
		fs.AddFlag(all.Lookup(name))
	}
}

// BackupOptions are those of the repository of a backup.
type BackupOptions struct {
	Recipients []string // of age: encrypt for them
	Identity   string   // file of an age identity, to decrypt with
}

// OpenBackups opens a repository.
func OpenBackups(dir string, o BackupOptions) (*backup.Repo, error) {
	var set backup.Options
	for _, text := range o.Recipients {
		r, err := age.ParseX25519Recipient(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("%q is no age recipient: write it like age1…, as age-keygen prints it", text)
		}
		set.Recipients = append(set.Recipients, r)
	}
	if o.Identity != "" {
		f, err := os.Open(o.Identity)
		if err != nil {
			return nil, fmt.Errorf("cannot read the identity: %w", err)
		}
		defer f.Close()
		if set.Identities, err = age.ParseIdentities(f); err != nil {
			return nil, fmt.Errorf("%s is no file of age identities: %w", o.Identity, err)
		}
	}
	return backup.Open(dir, set)
}

// Backup copies what a server of this configuration must not lose, also while it runs: the queue, clips and uploads,
// functions and their versions, events, keys. What can be had again is left out: models, images, snapshots, logs.
func Backup(ctx context.Context, c Config, repo *backup.Repo) (backup.Made, error) {
	b := backup.Backup{Version: version.Get().Version, Notes: []string{"without models, images, snapshots and logs"}}
	if !c.usesSQLite() {
		b.Notes = append(b.Notes, "without the queue, which Redis keeps: back that up by its own means")
		return repo.Create(ctx, b, c.sources(""))
	}
	temp, err := os.MkdirTemp("", "videosdgx-backup-")
	if err != nil {
		return backup.Made{}, err
	}
	defer os.RemoveAll(temp)
	db := filepath.Join(temp, "jobs.db")
	for try := 1; ; try++ {
		err := sqlite.Snapshot(ctx, filepath.Join(c.Data, "jobs.db"), db)
		if errors.Is(err, fs.ErrNotExist) {
			db, err = "", nil // no job has ever been queued
		}
		if err != nil {
			return backup.Made{}, err
		}
		made, err := repo.Create(ctx, b, c.sources(db))
		if err != nil || db == "" {
			return made, err
		}
		missing, err := unnamed(ctx, db, made.Backup)
		if err != nil || len(missing) == 0 {
			return made, err
		}
		if try == 3 {
			return made, fmt.Errorf("the queue names files that are not in the outputs folder, %s among %d: is --outputs the server's?", missing[0], len(missing))
		}
	}
}

func (c Config) usesSQLite() bool { return c.Queue == "" || c.Queue == "sqlite" }

// sources are what a backup takes. The queue comes first: what it names is on the disk before it is named.
func (c Config) sources(db string) []backup.Source {
	data := func(name string) backup.Source {
		return backup.Source{Name: "data/" + name, Path: filepath.Join(c.Data, name), Skip: unfinished}
	}
	all := []backup.Source{data("registry"), data("events"), data("experiments"), data("webhook.key"), data("audit"), data("secrets.age"), {Name: "data/keys.json", Path: c.Keys},
		{Name: "functions", Path: c.Functions, Skip: unfinished}, {Name: "outputs", Path: c.Outputs, Skip: unfinished}}
	if db != "" {
		all = append([]backup.Source{{Name: "data/jobs.db", Path: db}}, all...)
	}
	return all
}

// unfinished are files that are being written, of which nothing names any.
func unfinished(rel string, d fs.DirEntry) bool {
	name := filepath.Base(rel)
	return name == ".partial" || name == ".prompts" || strings.HasSuffix(name, atomicfile.Suffix) || !d.IsDir() && !d.Type().IsRegular() && d.Type() != fs.ModeSymlink
}

// unnamed are files that the queue's jobs name and a backup has not: they went after the queue was copied.
func unnamed(ctx context.Context, db string, b backup.Backup) (missing []string, err error) {
	have := map[string]bool{}
	for _, f := range b.Files {
		have[f.Name] = true
	}
	err = sqlite.Each(ctx, db, func(j jobs.Job) error {
		for _, name := range j.Files() {
			if !have["outputs/"+name] {
				missing = append(missing, name)
			}
		}
		return nil
	})
	return missing, err
}

// Restore writes a backup into the empty data folder of a configuration.
func Restore(ctx context.Context, c Config, repo *backup.Repo, b backup.Backup) error {
	return repo.Restore(ctx, b, c.Data, []backup.Place{{Name: "data/keys.json", Path: c.Keys}, {Name: "functions", Path: c.Functions}, {Name: "outputs", Path: c.Outputs}, {Name: "data", Path: c.Data}})
}

// backups makes backups in the background, as the configuration says.
type backups struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func (p *plane) openBackups(ctx context.Context) error {
	if p.cfg.Backup == "" {
		return nil
	}
	repo, err := OpenBackups(p.cfg.Backup, BackupOptions{Recipients: strings.FieldsFunc(p.cfg.BackupFor, func(r rune) bool { return r == ',' || r == ' ' })})
	if err != nil {
		return err
	}
	p.metrics.WatchTime("videosdgx_backup_last_seconds", "When the last backup was made, in seconds since 1970.", func() (time.Time, bool) {
		ids, err := repo.List()
		if err != nil {
			return time.Time{}, false
		}
		return newest(ids, time.Now())
	})
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p.backups = &backups{cancel, make(chan struct{})}
	go func() {
		defer close(p.backups.done)
		p.backUp(ctx, repo)
	}()
	return nil
}

func (p *plane) closeBackups(context.Context) error {
	if p.backups != nil {
		p.backups.cancel()
		<-p.backups.done
	}
	return nil
}

// backupLook is how often it is looked whether a backup is due at least: the clock may be set, and a machine may sleep.
const backupLook = time.Hour

// backUp makes one when the last is old enough, looks again in a while, and keeps as many as may stay.
func (p *plane) backUp(ctx context.Context, repo *backup.Repo) {
	for {
		wait := p.cfg.BackupEvery.D() - lastBackup(repo)
		if wait <= 0 {
			made, err := Backup(ctx, p.cfg, repo)
			if err == nil && p.cfg.BackupKeep > 0 {
				_, _, err = repo.Prune(ctx, int(p.cfg.BackupKeep))
			}
			wait = p.cfg.BackupEvery.D()
			if err != nil && ctx.Err() == nil {
				p.log.Error("no backup was made", "repository", p.cfg.Backup, "error", err)
				wait = min(wait, 10*time.Minute)
			} else if err == nil {
				p.log.Info("backup made", "id", made.ID, "files", len(made.Files), "bytes", made.Bytes(), "new", made.New)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(min(wait, backupLook)):
		}
	}
}

// lastBackup is how long ago the last one was made; a century when there is none.
func lastBackup(repo *backup.Repo) time.Duration {
	ids, err := repo.List()
	if at, ok := newest(ids, time.Now()); err == nil && ok {
		return time.Since(at)
	}
	return 100 * 365 * 24 * time.Hour
}

// newest is when the last of some backups was made; false where there is none. Those of the future were made while the clock was
// wrong: they say nothing of when the next is due.
func newest(ids []string, now time.Time) (time.Time, bool) {
	for _, id := range slices.Backward(ids) {
		if at, ok := backup.Time(id); ok && !at.After(now.Add(time.Minute)) {
			return at, true
		}
	}
	return time.Time{}, false
}
