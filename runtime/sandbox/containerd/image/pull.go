package image

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// candidates are the names a reference may have in the store: as written, and in full.
func candidates(ref string) []string {
	full, err := reference.ParseDockerRef(ref)
	if err != nil || full.String() == ref {
		return []string{ref}
	}
	return []string{ref, full.String()}
}

// pull brings an image from its registry.
func (s *Store) pull(ctx context.Context, ref string, hear Hear) (images.Image, error) {
	full, err := reference.ParseDockerRef(ref)
	if err != nil {
		return images.Image{}, fmt.Errorf("%q is not an image: write a reference such as registry.example/wan21:1, or oci:FOLDER: %w (%w)", ref, err, errdefs.ErrInvalidArgument)
	}
	marks, err := s.marks(ctx, full.String())
	if err != nil {
		return images.Image{}, err
	}
	resolver, done := s.resolver(full)
	defer done()
	fetched := s.watchFetch(ctx, ref, hear)
	defer fetched.end()
	img, err := s.client.Fetch(ctx, full.String(), client.WithResolver(resolver), client.WithPullLabels(marks),
		client.WithImageHandlerWrapper(func(h images.Handler) images.Handler { return fetched.of(s.Limits.WithDefaults().bounded(h)) }))
	if err != nil {
		return images.Image{}, fmt.Errorf("image %s is not in containerd and cannot be pulled: %w", ref, err)
	}
	s.log.Info("pulled an image", "name", img.Name, "digest", img.Target.Digest.String())
	return img, nil
}

// resolver finds an image at its registry, until done.
func (s *Store) resolver(of reference.Named) (r remotes.Resolver, done func()) {
	c := http.DefaultClient
	if s.Registry != nil {
		c = s.Registry(hostOf(of))
	}
	return docker.NewResolver(docker.ResolverOptions{Hosts: hosts(c)}), c.CloseIdleConnections
}

// hostOf is a registry without its port.
func hostOf(of reference.Named) string {
	host := reference.Domain(of)
	if u, err := url.Parse("//" + host); err == nil {
		host = u.Hostname()
	}
	return host
}

// hosts are registries; one on this machine is asked in plain HTTP.
func hosts(c *http.Client) docker.RegistryHosts {
	return docker.ConfigureDefaultRegistries(
		docker.WithClient(c),
		docker.WithPlainHTTP(docker.MatchLocalhost),
		docker.WithAuthorizer(docker.NewDockerAuthorizer(docker.WithAuthCreds(credentials), docker.WithAuthClient(c))),
	)
}

// bounded looks at a manifest before its layers are fetched.
func (l Limits) bounded(next images.Handler) images.Handler {
	return images.HandlerFunc(func(ctx context.Context, d ocispec.Descriptor) ([]ocispec.Descriptor, error) {
		if (images.IsManifestType(d.MediaType) || images.IsIndexType(d.MediaType)) && d.Size > maxText {
			return nil, fmt.Errorf("its manifest has %d bytes: %w", d.Size, errdefs.ErrInvalidArgument)
		}
		children, err := next.Handle(ctx, d)
		if err != nil || !images.IsManifestType(d.MediaType) {
			return children, err
		}
		var layers []ocispec.Descriptor
		for _, c := range children {
			if images.IsLayerType(c.MediaType) {
				layers = append(layers, c)
			}
		}
		return children, l.layers(layers, len(layers))
	})
}

// credentials reads what `docker login` and its kin wrote; none is no error.
func credentials(host string) (string, string, error) {
	dir := os.Getenv("DOCKER_CONFIG")
	if dir == "" {
		dir = filepath.Join(os.Getenv("HOME"), ".docker")
	}
	b, err := os.ReadFile(filepath.Join(dir, "config.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("credentials for %s: %w", host, err)
	}
	var file struct {
		Auths map[string]struct {
			Auth string `json:"auth"`
		} `json:"auths"`
	}
	if err := json.Unmarshal(b, &file); err != nil {
		return "", "", fmt.Errorf("%s/config.json: %w", dir, err)
	}
	if host == "registry-1.docker.io" {
		host = "https://index.docker.io/v1/"
	}
	plain, err := base64.StdEncoding.DecodeString(file.Auths[host].Auth)
	if err != nil {
		return "", "", fmt.Errorf("%s/config.json: auth of %s is not base64: %w", dir, host, err)
	}
	user, secret, _ := strings.Cut(string(plain), ":")
	return user, secret, nil
}
