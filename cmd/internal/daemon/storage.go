package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/diskuse"
	"github.com/videosdgx/videosdgx/runtime/gateway/admin"
	"github.com/videosdgx/videosdgx/runtime/loras"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// checkpointsName is the folder of what is pulled, in that of all state.
const checkpointsName = "checkpoints"

// Checkpoints is the folder of what a server of a data folder has pulled.
func Checkpoints(data string) string { return filepath.Join(data, checkpointsName) }

// MergedModels is the folder of merged models, in that of all models.
const MergedModels = loras.Folder

// measured is what the files used when somebody last looked.
type measured struct {
	mu   sync.Mutex
	at   time.Time
	all  []spec.Storage
	said map[string]string // the level of each kind that the log has heard
}

// looked is for how long it is not looked again: whoever scrapes often must not read folders all the time.
const looked = 10 * time.Second

// kindOf is a kind of files before anybody has looked.
type kindOf struct {
	spec.Storage
	dirs, skip []string
	count      func() (int64, error) // nil: what lies in dirs
}

func (p *plane) kinds() []kindOf {
	derived := filepath.Join(p.cfg.Models, MergedModels)
	kind := func(name string, limit int64, then string, dirs ...string) kindOf {
		return kindOf{Storage: spec.Storage{Kind: name, Limit: limit, Then: then}, dirs: dirs}
	}
	models := kind("models", int64(p.cfg.ModelsLimit), "nothing more is pulled or built", p.cfg.Models, p.dir(checkpointsName))
	models.skip = []string{derived}
	merged := kind("merged models", int64(p.cfg.LoRACache), "the least recently used go", derived)
	if p.merger != nil {
		merged.count = p.merger.Bytes // what they share with the models is counted there
	}
	return []kindOf{
		kind("clips", int64(p.cfg.KeepClips), "the oldest go, and their jobs' records stay", p.cfg.Outputs),
		models, merged,
		kind("snapshots", p.cfg.SnapshotMB*1e6, "those that save least go", p.dir("snapshots")),
		kind("logs", int64(p.now().LogsLimit), "the oldest go", p.dir("logs")),
		kind("audit", 0, "a month's file stays until somebody takes it away", p.dir("audit")),
	}
}

// storage says what each kind of files uses of its disk, a few seconds ago at most.
func (p *plane) storage() ([]spec.Storage, error) {
	p.measured.mu.Lock()
	defer p.measured.mu.Unlock()
	if time.Since(p.measured.at) < looked {
		return p.measured.all, nil
	}
	var all []spec.Storage
	for _, k := range p.kinds() {
		s, err := k.look(p.cfg.Data)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	p.measured.at, p.measured.all = time.Now(), all
	return all, nil
}

func (k kindOf) look(data string) (s spec.Storage, err error) {
	s = k.Storage
	if k.count != nil {
		s.Bytes, err = k.count()
	} else {
		s.Bytes, err = diskuse.Of(k.dirs, k.skip...)
	}
	if err != nil {
		return s, err
	}
	if s.Free, s.Size, err = diskuse.Disk(k.dirs[0]); errors.Is(err, fs.ErrNotExist) { // nothing is there yet
		s.Free, s.Size, err = diskuse.Disk(data)
	}
	return s.Rated(), err
}

// sayStorage tells the log of each kind that has come near its limit, or to it, once.
func (p *plane) sayStorage() {
	all, err := p.storage()
	if err != nil {
		p.log.Error("what the files use of the disks cannot be told", "error", err)
		return
	}
	if p.measured.said == nil {
		p.measured.said = map[string]string{}
	}
	for _, s := range all {
		was := p.measured.said[s.Kind]
		p.measured.said[s.Kind] = s.Level
		if s.Level == was || s.Level == "ok" || s.Level == "tight" && was == "full" {
			continue
		}
		p.log.Warn("files of a kind use nearly all that they may, or all", "kind", s.Kind, "level", s.Level, "bytes", s.Bytes, "limit", s.Limit, "then", s.Then)
	}
}

// modelsRoom says why no more may be pulled or built.
func (p *plane) modelsRoom() error {
	if p.cfg.ModelsLimit == 0 {
		return nil
	}
	for _, k := range p.kinds() {
		if k.Kind != "models" {
			continue
		}
		s, err := k.look(p.cfg.Data) // now: somebody may just have removed some
		if err != nil {
			return err
		}
		if s.Level == "full" {
			return fmt.Errorf("%w: %s of %s: %w", admin.ErrModelsFull, spec.Bytes(s.Bytes), spec.Bytes(s.Limit), errdefs.ErrResourceExhausted)
		}
	}
	return nil
}

// modelsEnv tells a command that this server starts where its models are, and how much they may use.
func (p *plane) modelsEnv() []string {
	return []string{EnvPrefix + "DATA=" + p.cfg.Data, EnvPrefix + "MODELS=" + p.cfg.Models, EnvPrefix + "MODELS_LIMIT=" + strconv.FormatInt(int64(p.cfg.ModelsLimit), 10)}
}

// keepLogs holds the logs to what they may have.
func (p *plane) keepLogs() {
	c := p.now()
	if err := p.dispatch.KeepLogs(c.KeepLogs.D(), int64(c.LogsLimit)); err != nil {
		p.log.Error("logs that are too old or too many could not be removed", "error", err)
	}
}

// oldLogs are those of instances that have ended.
type oldLogs struct {
	shedLog func() (string, int64, error)
}

func (o oldLogs) shed() (what string, freed int64, err error) { return o.shedLog() }
