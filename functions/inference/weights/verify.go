package weights

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"
)

// VerifyOptions say how much work OpenBundle may save.
//
// With neither a record nor a matching fingerprint every file is read and hashed, so that each byte is what the
// manifest promises. That verification is then remembered as a fingerprint over the manifest's digest and every file's
// inode, size, modification and change time. Where the fingerprint is known, OpenBundle only looks at the files'
// metadata, and guarantees this: each byte was right when it was recorded, and since then no file was replaced, resized,
// written to or touched through the file system. Damage below the file system (a bit that flips on the disk) is found by
// the full verification alone: `videosdgx models verify`, or Full.
type VerifyOptions struct {
	Full      bool   // hash every file, whatever is recorded
	RecordDir string // where verifications are remembered; "" means RecordDir()
	Known     string // a fingerprint that whoever starts this process has verified
	Progress  func(done, total int64)
}

// ProofName is the file in an instance's folder in which the control plane leaves the fingerprint of the bundle that it
// has verified.
const ProofName = "model.verified"

// Proof is the fingerprint that whoever started this process vouches for: VIDEOSDGX_MODEL_VERIFIED, else what the
// control plane left in the instance's folder; "" for none.
func Proof() string {
	if p := os.Getenv("VIDEOSDGX_MODEL_VERIFIED"); p != "" {
		return p
	}
	raw, _ := os.ReadFile(filepath.Join("/run/videosdgx", ProofName)) // none: the bundle is verified here
	return string(raw)
}

// RecordDir is where verifications are remembered by default: VIDEOSDGX_CACHE, else the user's cache folder.
func RecordDir() string {
	if d := os.Getenv("VIDEOSDGX_CACHE"); d != "" {
		return filepath.Join(d, "verified")
	}
	d, err := os.UserCacheDir()
	if err != nil {
		d = os.TempDir()
	}
	return filepath.Join(d, "videosdgx", "verified")
}

func (b *Bundle) verify(ctx context.Context, o VerifyOptions) error {
	if o.RecordDir == "" {
		o.RecordDir = RecordDir()
	}
	print, sizesRight, err := fingerprint(b.Dir, b.Manifest)
	if err != nil {
		return err
	}
	b.Fingerprint = print
	record := filepath.Join(o.RecordDir, print)
	if sizesRight && !o.Full && (o.Known == print || exists(record)) {
		return nil
	}
	b.Hashed = true
	if err := hashAll(ctx, b.Dir, b.Manifest, o.Progress, b.compare); err != nil {
		os.Remove(record)
		return err
	}
	if again, _, err := fingerprint(b.Dir, b.Manifest); err != nil || again != print {
		return &FormatError{File: b.Dir, Reason: "changed while it was being verified"}
	}
	b.Unrecorded = errors.Join(os.MkdirAll(o.RecordDir, 0o755), os.WriteFile(record, nil, 0o644))
	return nil
}

// compare holds file i to its entry.
func (b *Bundle) compare(i int, found string) error {
	f := b.Files[i]
	path := filepath.Join(b.Dir, filepath.FromSlash(f.Path))
	if st, err := os.Stat(path); err == nil && st.Size() != f.Size { // quotas count the manifest's size
		return &SizeError{File: path, Expected: f.Size, Found: st.Size(), Digest: f.Digest, FoundDigest: found}
	}
	if found == f.Digest {
		return nil
	}
	return &DigestError{File: path, Expected: f.Digest, Found: found}
}

// fingerprint also says whether every file has the size of its entry.
func fingerprint(dir string, m Manifest) (string, bool, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", false, fmt.Errorf("cannot verify: %w", err)
	}
	defer root.Close()
	h, right := sha256.New(), true
	fmt.Fprintln(h, m.Digest)
	for _, f := range m.Files {
		st, err := statMember(root, f)
		if err != nil {
			return "", false, err
		}
		right = right && st.Size == f.Size
		fmt.Fprintln(h, f.Path, st.Inode, st.Size, st.Wrote, st.Changed)
	}
	return hex.EncodeToString(h.Sum(nil)), right, nil
}

// statMember refuses what is no regular file of the bundle's own folder: an instance mounts that folder alone, and ONNX Runtime
// opens no weights through a symbolic link.
func statMember(root *os.Root, f FileEntry) (FileState, error) {
	path := filepath.Join(root.Name(), filepath.FromSlash(f.Path))
	st, err := root.Lstat(filepath.FromSlash(f.Path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return FileState{}, fmt.Errorf("%s is missing from its bundle (%w): expected %d bytes with %s; build or pull it again", path, fs.ErrNotExist, f.Size, f.Digest)
	case err == nil && st.Mode()&fs.ModeSymlink != 0:
		err = &FormatError{File: path, Reason: "it is a symbolic link, and a bundle's files lie in its folder: put the file itself there, or link the whole folder"}
	case err == nil:
		err = regular(path, st)
	}
	if err != nil {
		return FileState{}, fmt.Errorf("cannot verify: %w", err)
	}
	return StateOf(st), nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// hashAll hashes the manifest's files, a few at a time, and gives each digest to done. Progress is told by one goroutine at a time, and
// never goes back.
func hashAll(ctx context.Context, dir string, m Manifest, progress func(done, total int64), done func(i int, digest string) error) error {
	var mu sync.Mutex
	sofar, total := int64(0), m.Bytes()
	read := func(n int) {
		mu.Lock()
		defer mu.Unlock()
		if sofar += int64(n); progress != nil {
			progress(sofar, total)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, f := range m.Files {
		group.Go(func() error {
			digest, err := hashFile(ctx, filepath.Join(dir, filepath.FromSlash(f.Path)), read)
			if err != nil {
				return err
			}
			return done(i, digest)
		})
	}
	return group.Wait()
}

// hashFile is the content digest of a file, "sha256:…"; read hears of every piece as it is read, in bytes.
func hashFile(ctx context.Context, path string, read func(n int)) (string, error) {
	f, err := OpenRegular(path)
	if err != nil {
		return "", fmt.Errorf("cannot verify: %w", err)
	}
	defer f.Close()
	h, buf := sha256.New(), make([]byte, 1<<20)
	for {
		n, err := f.Read(buf)
		h.Write(buf[:n])
		read(n)
		if errors.Is(err, io.EOF) {
			return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
		}
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return "", fmt.Errorf("cannot verify %s: %w", path, err)
		}
	}
}
