package loras

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// Merger finds derived bundles, or has them built: one at a time for a base, and mergesAtOnce in all. Who waits may give up.
type Merger struct {
	models    string // folder
	budget    int64  // bytes of derived bundles' own
	build     Build
	serving   func() map[string]bool // keys of bundles that instances have open
	manifests *manifests
	schemas   *schemas
	log       *slog.Logger

	hashing, slots chan struct{} // a place each for who reads a LoRA, and for who merges

	mu      sync.Mutex
	pins    map[string]int           // requests under way, by the key of the bundle that they need
	turns   map[string]chan struct{} // by base: the place of who merges into it
	digests map[string]digested      // of files, by path
}

// mergesAtOnce bounds the merges of different bases: each holds the factors of one tensor and pieces of a megabyte, as models
// build --plan tells, and computes on all cores.
const mergesAtOnce = 2

// Build makes the bundle out of the checkpoint that a base was made of, and LoRAs. Its errors are for clients.
type Build func(ctx context.Context, checkpoint, base, out string, loras []LoRA) error

// New is a merger of the models in a folder, whose derived bundles may use budget bytes of their own; 0: any.
func New(models string, budget int64, build Build, log *slog.Logger) *Merger {
	return &Merger{
		models: models, budget: budget, build: build, serving: func() map[string]bool { return nil }, log: log,
		manifests: &manifests{known: map[string]knownManifest{}}, schemas: newSchemas(),
		hashing: make(chan struct{}, 1), slots: make(chan struct{}, mergesAtOnce),
		pins: map[string]int{}, turns: map[string]chan struct{}{}, digests: map[string]digested{},
	}
}

// errOtherContent says that what was built is not of the contents that were asked for: a file was changed meanwhile.
var errOtherContent = errors.New("a LoRA or the base changed while it was merged")

// mostTries is how often a bundle is built of files that change.
const mostTries = 3

// bundle is the key of the derived bundle of a base and LoRAs, which is there until done is called.
func (m *Merger) bundle(ctx context.Context, base string, man *weights.Manifest, asked []askedLoRA) (key string, done func(), err error) {
	if man.Derived != nil {
		return "", nil, errDerived
	}
	for range mostTries {
		d, loras, err := m.find(ctx, man, asked)
		if err != nil {
			return "", nil, err
		}
		key = d.Key()
		done = m.pin(key)
		if err = m.make(ctx, key, base, d, loras); err == nil {
			return key, done, nil
		}
		done()
		if !errors.Is(err, errOtherContent) {
			return "", nil, err
		}
		if man, err = m.manifests.read(base); err != nil {
			return "", nil, m.hidden("a model cannot be read", err, "this function's model cannot be read", "bundle", base)
		}
	}
	return "", nil, soon("the LoRAs change while they are merged: ask again once nothing writes to them")
}

// hidden logs an error that is for whoever runs the server, and gives one for whoever asked it.
func (m *Merger) hidden(event string, err error, sentence string, attrs ...any) error {
	m.log.Error(event, append(attrs, "error", err)...)
	return fmt.Errorf("%s: the server's log says why", sentence)
}

// make has the bundle of a key built, unless it is there, and counts it as used.
func (m *Merger) make(ctx context.Context, key, base string, d weights.Derived, loras []LoRA) error {
	dir := filepath.Join(m.folder(), key)
	if m.has(dir, d) {
		return nil
	}
	leave, err := m.turn(ctx, base)
	if err != nil {
		return err
	}
	defer leave()
	if m.has(dir, d) { // who was before has made it
		return nil
	}
	checkpoint := weights.CheckpointOf(base)
	if checkpoint == "" {
		m.log.Error("no LoRA can be merged into a model: where the checkpoint lies that it was built from is not known; build it again", "bundle", base)
		return fmt.Errorf("LoRAs are merged into the checkpoint of a model, and this one's is not on the server: %w", errdefs.ErrFailedPrecondition)
	}
	if err := m.build(ctx, checkpoint, base, dir, loras); err != nil {
		return err
	}
	if !m.has(dir, d) { // under this key nobody would find it, and it would outlive what is used
		return errors.Join(errOtherContent, m.discard(key))
	}
	if err := m.prune(); err != nil {
		m.log.Error("merged models that nobody uses could not be removed", "error", err)
	}
	return nil
}

// turn waits for the base's place, and for one of all; leave gives both back.
func (m *Merger) turn(ctx context.Context, base string) (leave func(), err error) {
	m.mu.Lock()
	turn := m.turns[base]
	if turn == nil {
		turn = make(chan struct{}, 1)
		m.turns[base] = turn
	}
	m.mu.Unlock()
	for _, place := range []chan struct{}{turn, m.slots} {
		select {
		case place <- struct{}{}:
		case <-ctx.Done():
			if place == m.slots {
				<-turn
			}
			return nil, context.Cause(ctx)
		}
	}
	return func() { <-m.slots; <-turn }, nil
}
