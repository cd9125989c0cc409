package image

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// tagged are the images of a layout that go by a tag; without one, all of them.
func tagged(list []ocispec.Descriptor, tag string) ([]ocispec.Descriptor, error) {
	if tag == "" {
		return list, nil
	}
	var all []string
	var exactly, nearly []ocispec.Descriptor
	for _, d := range list {
		names := namesOf(d)
		all = append(all, names...)
		switch {
		case slices.Contains(names, tag):
			exactly = append(exactly, d)
		case slices.ContainsFunc(names, func(name string) bool { return goesBy(name, tag) }):
			nearly = append(nearly, d)
		}
	}
	if len(exactly) > 0 {
		return exactly, nil
	}
	return nearly, noneTagged(len(nearly), tag, all)
}

// noneTagged is an error if nothing was found.
func noneTagged(found int, tag string, names []string) error {
	if found > 0 {
		return nil
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) == 0 {
		return fmt.Errorf("it holds no image %s, and names none: write it without a tag: %w", tag, errdefs.ErrNotFound)
	}
	return fmt.Errorf("it holds no image %s, but %s: %w", tag, several(names), errdefs.ErrNotFound)
}

// several lists the first of many names.
func several(names []string) string {
	const most = 8
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// nameOfImage is where containerd and docker write the whole name; others write it, or the tag alone, as the standard's name.
const nameOfImage = "io.containerd.image.name"

var nameKeys = []string{nameOfImage, ocispec.AnnotationRefName}

// namesOf are the names that an index gives one of its images.
func namesOf(d ocispec.Descriptor) (names []string) {
	for _, key := range nameKeys {
		if name := d.Annotations[key]; name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// goesBy says whether what somebody calls an image is a name's end: its tag, or the name without the registry.
func goesBy(name, tag string) bool {
	if rest, ok := strings.CutSuffix(name, tag); ok && (strings.HasSuffix(rest, ":") || strings.HasSuffix(rest, "/")) {
		return true
	}
	return !strings.Contains(tag, ":") && goesBy(name, tag+":latest")
}

// oneImage refuses a layout of several images for this machine: which of them is meant nobody can know, and the first is
// likely to be the oldest. One image under several names is one.
func oneImage(list []ocispec.Descriptor, path string) error {
	found, names := map[string]bool{}, []string{}
	for _, d := range list {
		fits := d.Platform == nil || platforms.Default().Match(*d.Platform)
		if fits && (images.IsManifestType(d.MediaType) || images.IsIndexType(d.MediaType)) && !found[d.Digest.String()] {
			found[d.Digest.String()] = true
			names = append(names, cmp.Or(append(namesOf(d), d.Digest.String())...))
		}
	}
	if len(found) > 1 {
		return fmt.Errorf("it holds %d images, %s: say which, as in oci:%s:%s: %w", len(found), several(names), path, names[0], errdefs.ErrInvalidArgument)
	}
	return nil
}

// nameless are images without the names that their index gives them: containerd would make records of these, over those of
// other images.
func nameless(list []ocispec.Descriptor) (out []ocispec.Descriptor, named bool) {
	out = slices.Clone(list)
	for i, d := range out {
		if len(namesOf(d)) == 0 {
			continue
		}
		named = true
		out[i].Annotations = maps.Clone(d.Annotations)
		for _, key := range nameKeys {
			delete(out[i].Annotations, key)
		}
	}
	return out, named
}

// instead has a file of the source that lists images list others.
func (s *source) instead(name string, list any) (err error) {
	s.list = name
	s.index, err = json.Marshal(list)
	return err
}

// compressions are told by the first bytes of a file.
var compressions = map[string]string{"gzip": "\x1f\x8b", "zstd": "\x28\xb5\x2f\xfd", "xz": "\xfd7zXZ", "bzip2": "BZh"}

// plain refuses an archive that is compressed as a whole.
func plain(f *os.File) error {
	b := make([]byte, 6)
	n, _ := f.ReadAt(b, 0) // of a shorter one the archive's reader says what is wrong
	for name, magic := range compressions {
		if strings.HasPrefix(string(b[:n]), magic) {
			return fmt.Errorf("it is compressed with %s: decompress it first: %w", name, errdefs.ErrInvalidArgument)
		}
	}
	return nil
}
