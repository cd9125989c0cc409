// Package image brings OCI images into containerd, unpacks them within bounds, and makes of each the one root file system that
// all its instances share. It knows nothing of instances.
package image

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/mount"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/identity"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Store resolves what a manifest calls an image to something that instances can be rooted in.
type Store struct {
	client      *client.Client
	log         *slog.Logger
	snapshotter string
	owners      *Owners // who the files of images belong to in instances

	Owner    string   // whose images those are that functions ask for; "": nobody's, and Prune removes none. Set before use
	Limits   Limits   // Set before use
	Registry Registry // nil: the default client. Set before use

	unpacks flight[*Image]
	fetches flight[images.Image]
	mu      sync.Mutex
	known   map[digest.Digest]*Image
	layouts map[string]digest.Digest // layout, with its tag → digest of the index that was imported last
	looked  looked

	pruning sync.Mutex // guards idle
	idle    unused
}

// Registry makes the client that calls a registry at a host, and what that points to.
type Registry func(host string) *http.Client

// Image is one that is unpacked. It does not change.
type Image struct {
	Name   string
	Digest digest.Digest
	Config ocispec.ImageConfig
	chain  string
	User   User

	mu    sync.Mutex
	roots map[string][]mount.Mount // by the mount points they hold
}

// Chain names the layers of an image.
func (i *Image) Chain() string { return i.chain }

// New is a store behind a client; owners say whose the files are in instances (nil: nobody's, it only brings images here).
func New(c *client.Client, log *slog.Logger, o *Owners) *Store {
	if o == nil {
		o = &Owners{}
	}
	return &Store{client: c, log: log, known: map[digest.Digest]*Image{}, layouts: map[string]digest.Digest{}, owners: o, idle: unused{}}
}

// errNoImage is what a function gets that is a command alone, as the process driver runs it.
var errNoImage = fmt.Errorf("the function has no image, and the containerd driver runs images: set image in its function.yaml (videosdgx image build makes one), or serve with --driver process: %w", errdefs.ErrInvalidArgument)

// Get returns the image of a reference: imported, pulled or there already. One that is there costs a round trip.
func (s *Store) Get(ctx context.Context, ref string, hear Hear) (*Image, error) {
	if ref == "" {
		return nil, errNoImage
	}
	record, err := s.record(ctx, ref, hear)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	img := s.known[record.Target.Digest]
	s.mu.Unlock()
	if img != nil {
		return img, nil
	}
	return s.unpacks.do(ctx, record.Target.Digest.String(), hear, func(ctx context.Context, hear Hear) (*Image, error) { return s.unpack(ctx, record, hear) })
}

// record finds the image in the store, or brings it there.
func (s *Store) record(ctx context.Context, ref string, hear Hear) (images.Image, error) {
	if path, tag, ok := spec.Layout(ref); ok {
		return s.fromLayout(ctx, ref, path, tag, hear)
	}
	img, err := s.here(ctx, ref)
	if err == nil {
		return s.claim(ctx, img)
	}
	if !errdefs.IsNotFound(err) {
		return img, err
	}
	return s.fetches.do(ctx, "pull "+ref, hear, func(ctx context.Context, hear Hear) (images.Image, error) { return s.pull(ctx, ref, hear) })
}

// unpack makes the image's layers a chain of snapshots and reads its configuration.
func (s *Store) unpack(ctx context.Context, record images.Image, hear Hear) (*Image, error) {
	ctx, done, err := s.client.WithLease(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = done(context.WithoutCancel(ctx)) }()
	config, layers, diffs, err := s.config(ctx, record)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := s.apply(ctx, record.Name, layers, diffs, s.Limits.WithDefaults().budget(), hear); err != nil {
		return nil, fmt.Errorf("image %s cannot be unpacked: %w", record.Name, err)
	}
	s.log.Info("unpacked an image", "name", record.Name, "layers", len(layers), "took", time.Since(begin))
	// all layers are there: what is left is to write down that the image keeps them
	if err := client.NewImage(s.client, record).Unpack(ctx, s.snapshotter); err != nil {
		return nil, fmt.Errorf("image %s cannot be unpacked: %w", record.Name, err)
	}
	img := &Image{
		Name: record.Name, Digest: record.Target.Digest, Config: config,
		chain: identity.ChainID(diffs).String(), roots: map[string][]mount.Mount{},
	}
	if img.User, err = s.user(ctx, img); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.known[img.Digest] = img
	s.mu.Unlock()
	return img, nil
}

// config reads what the image says for this machine's platform.
func (s *Store) config(ctx context.Context, record images.Image) (none ocispec.ImageConfig, layers []ocispec.Descriptor, diffs []digest.Digest, err error) {
	notOne := func(err error) error {
		return fmt.Errorf("%s is not an image for %s: %w", record.Name, platforms.DefaultString(), err)
	}
	store := s.client.ContentStore()
	manifest, err := images.Manifest(ctx, store, record.Target, platforms.Default())
	if err != nil {
		return none, nil, nil, notOne(err)
	}
	for _, d := range append([]ocispec.Descriptor{manifest.Config}, manifest.Layers...) {
		if err := stored(ctx, store, d); err != nil {
			return none, nil, nil, notOne(err)
		}
	}
	var config ocispec.Image
	if err := readJSON(ctx, store, manifest.Config, &config); err != nil {
		return none, nil, nil, notOne(err)
	}
	if len(config.RootFS.DiffIDs) == 0 {
		return none, nil, nil, notOne(fmt.Errorf("it has no layers: %w", errdefs.ErrInvalidArgument))
	}
	if err := s.Limits.WithDefaults().layers(manifest.Layers, len(config.RootFS.DiffIDs)); err != nil {
		return none, nil, nil, fmt.Errorf("image %s: %w", record.Name, err)
	}
	return config.Config, manifest.Layers, config.RootFS.DiffIDs, nil
}

// ChooseSnapshotter takes overlayfs, or native where the kernel or the file system cannot do that.
func (s *Store) ChooseSnapshotter(ctx context.Context) error {
	resp, err := s.client.IntrospectionService().Plugins(ctx, "type==io.containerd.snapshotter.v1")
	if err != nil {
		return fmt.Errorf("containerd does not list its snapshotters: %w", err)
	}
	usable := map[string]bool{}
	for _, p := range resp.Plugins {
		usable[p.ID] = p.InitErr == nil
	}
	for _, name := range []string{"overlayfs", "native"} {
		if usable[name] {
			s.snapshotter = name
			return nil
		}
	}
	return fmt.Errorf("containerd has neither the overlayfs nor the native snapshotter: %w", errdefs.ErrUnavailable)
}

// Snapshotter is what keeps the images' files: "overlayfs", or "native", which copies.
func (s *Store) Snapshotter() string { return s.snapshotter }

// Copied tells whether files of images are copied to instances' users, since there are no id-mapped mounts.
func (s *Store) Copied() bool { return s.owners.Copies() }

// Owners are those of the files in instances.
func (s *Store) Owners() *Owners { return s.owners }
