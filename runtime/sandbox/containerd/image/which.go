package image

import (
	"cmp"
	"fmt"
	"os"
	"strings"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// oneImage refuses a layout of several images for this machine: which of them is meant nobody can know, and the first is
// likely to be the oldest. One image under several names is one.
func oneImage(list []ocispec.Descriptor) error {
	found, names := map[string]bool{}, []string{}
	for _, d := range list {
		fits := d.Platform == nil || platforms.Default().Match(*d.Platform)
		if fits && images.IsManifestType(d.MediaType) && !found[d.Digest.String()] {
			found[d.Digest.String()] = true
			names = append(names, cmp.Or(d.Annotations[ocispec.AnnotationRefName], d.Digest.String()))
		}
	}
	if len(found) > 1 {
		return fmt.Errorf("it holds %d images, %s: keep one, as with skopeo copy oci:FOLDER:NAME oci:OTHER: %w", len(found), strings.Join(names[:min(len(names), 5)], ", "), errdefs.ErrInvalidArgument)
	}
	return nil
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
