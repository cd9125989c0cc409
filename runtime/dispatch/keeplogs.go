package dispatch

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// keptLogFile is a log of some instance, whose function may be gone.
type keptLogFile struct {
	path string
	size int64
	used time.Time // last written
	runs bool      // its instance does
}

// settling is for how long after a log's last line its instance may be coming up, and known to nobody yet.
const settling = time.Minute

// notice is as long as what a log that was cut begins with, at most.
const notice = 200

// everyLog lists the logs of all functions, the oldest first, and what they have together.
func (d *Dispatcher) everyLog() (all []keptLogFile, total int64, err error) {
	paths, err := filepath.Glob(filepath.Join(d.cfg.LogDir, "*", "*.log"))
	for _, path := range paths {
		st, serr := os.Stat(path)
		if serr != nil {
			continue // it has gone
		}
		_, runs := d.members.Load(strings.TrimSuffix(filepath.Base(path), ".log"))
		all = append(all, keptLogFile{path, st.Size(), st.ModTime(), runs || time.Since(st.ModTime()) < settling})
		total += st.Size()
	}
	slices.SortFunc(all, func(a, b keptLogFile) int { return cmp.Or(a.used.Compare(b.used), strings.Compare(a.path, b.path)) })
	return all, total, err
}

// KeepLogs removes the logs of instances that have ended which are older than age, and the oldest of them while all logs have more
// than most bytes; where that is not enough the longest of those that are being written are cut. 0 is no bound.
func (d *Dispatcher) KeepLogs(age time.Duration, most int64) error {
	all, total, err := d.everyLog()
	errs := []error{err}
	var written []keptLogFile
	for _, l := range all {
		switch old := age > 0 && time.Since(l.used) > age; {
		case l.runs:
			written = append(written, l)
		case old || most > 0 && total > most:
			total -= l.size
			errs = append(errs, removed(l.path))
		}
	}
	if most <= 0 || total <= most {
		return errors.Join(errs...)
	}
	slices.SortFunc(written, func(a, b keptLogFile) int { return cmp.Compare(b.size, a.size) })
	kept := min(int64(keptLog), most/int64(2*max(1, len(written)))) // so that all of them fit, and grow for a while
	for _, l := range written {
		if total > most && l.size > kept+notice {
			total -= l.size - kept - notice
			errs = append(errs, trim(l.path, kept, kept))
		}
	}
	return errors.Join(errs...)
}

// ShedLog removes the oldest log of an instance that has ended; 0 bytes: there is none.
func (d *Dispatcher) ShedLog() (what string, freed int64, err error) {
	all, _, err := d.everyLog()
	for _, l := range all {
		if !l.runs {
			return "log of " + filepath.Base(filepath.Dir(l.path)) + " " + filepath.Base(l.path), max(1, l.size), errors.Join(err, removed(l.path))
		}
	}
	return "", 0, err
}

func removed(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
