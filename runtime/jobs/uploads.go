package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/atomicfile"
)

// Upload is a file that a client has sent, for jobs to come. It lies beside the outputs, where every node finds it, until it
// expires; a job that names it has a link of its own to it.
type Upload struct {
	ID          string    `json:"id"`
	Owner       string    `json:"owner"`
	Size        int64     `json:"size"`
	SHA256      string    `json:"sha256"`
	ContentType string    `json:"contentType,omitempty"` // as the client says
	Expires     time.Time `json:"expires"`
}

const (
	uploadDir = ".uploads"
	metaTail  = ".json"
)

var uploadForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// uploads is the folder of uploads. Each is a file, and a record beside it that is written last: what has none is half made.
type uploads struct {
	mu  sync.Mutex // one reservation of space at a time
	out *outputs
	dir string
}

func openUploads(out *outputs) (*uploads, error) {
	u := &uploads{out: out, dir: filepath.Join(out.dir, uploadDir)}
	for _, dir := range []string{u.dir, filepath.Join(u.dir, partialDir), filepath.Join(out.dir, inputDir)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("making the folder of uploads: %w", err)
		}
	}
	return u, nil
}

// Upload keeps a file of at most limit bytes. OutOfRange when there is more of it, ResourceExhausted when its owner, or all
// together, have as much as they may.
func (s *Service) Upload(ctx context.Context, owner, contentType string, r io.Reader, limit int64) (Upload, error) {
	room, err := s.room(owner)
	if err != nil {
		return Upload{}, err
	}
	most := min(limit, room)
	u := Upload{ID: newID(), Owner: owner, ContentType: contentType, Expires: s.clock().Add(s.cfg.KeepUploads)}
	partial := filepath.Join(s.uploads.dir, partialDir, u.ID)
	defer os.Remove(partial) // where it has not got its name
	if u.SHA256, u.Size, err = s.out.write(ctx, partial, io.LimitReader(r, most+1)); err != nil {
		var read readError
		if isFull(err) && !errors.As(err, &read) {
			return Upload{}, ErrDiskFull
		}
		return Upload{}, err
	}
	switch {
	case u.Size > limit:
		return Upload{}, tooLong(limit)
	case u.Size > room:
		return Upload{}, errNoRoom
	}
	return u, s.keepUpload(partial, u)
}

// Weigh reads a file as Upload does, and keeps nothing of it: it is what a request that was made before is known by.
func Weigh(contentType string, r io.Reader, limit int64) (Upload, error) {
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return Upload{}, readError{err}
	case n > limit:
		return Upload{}, tooLong(limit)
	}
	return Upload{ID: newID(), Size: n, SHA256: hex.EncodeToString(sum.Sum(nil)), ContentType: contentType}, nil
}

func tooLong(limit int64) error {
	return fmt.Errorf("the file has more than %d bytes, which is its limit: send a smaller one: %w", limit, errdefs.ErrOutOfRange)
}

// keepUpload keeps what has arrived, where the room for it has not gone to others that arrived meanwhile.
func (s *Service) keepUpload(partial string, u Upload) error {
	s.uploads.mu.Lock()
	defer s.uploads.mu.Unlock()
	room, err := s.unused(u.Owner)
	if err != nil {
		return err
	}
	if u.Size > room {
		return errNoRoom
	}
	return s.uploads.keep(partial, u)
}

var errNoRoom = fmt.Errorf("the uploads that wait for jobs take all the space that they may: use them, or wait until they expire: %w", errdefs.ErrResourceExhausted)

// room is how many bytes an owner may still upload.
func (s *Service) room(owner string) (int64, error) {
	full, err := s.out.full(s.cfg.MinFree)
	if err != nil {
		return 0, err
	}
	if full {
		return 0, ErrDiskFull
	}
	s.uploads.mu.Lock()
	defer s.uploads.mu.Unlock()
	room, err := s.unused(owner)
	if err == nil && room <= 0 {
		return 0, errNoRoom
	}
	return room, err
}

// unused is what all uploads leave to an owner. Called with the uploads' lock held.
func (s *Service) unused(owner string) (int64, error) {
	all, err := s.uploads.list()
	var total, own int64
	for _, u := range all {
		if total += u.Size; u.Owner == owner {
			own += u.Size
		}
	}
	return min(s.cfg.MaxUploads-total, s.cfg.MaxUploads/4-own), err
}

func (u *uploads) keep(partial string, up Upload) error {
	if err := os.Chmod(partial, 0o444); err != nil { // instances read it, whoever they run as
		return err
	}
	if err := os.Rename(partial, filepath.Join(u.dir, up.ID)); err != nil {
		return fmt.Errorf("keeping the upload: %w", err)
	}
	b, err := json.Marshal(up)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(u.dir, up.ID+metaTail), b, 0o600); err != nil {
		return fmt.Errorf("keeping the upload: %w", err)
	}
	return nil
}

func (u *uploads) list() (all []Upload, err error) {
	entries, err := os.ReadDir(u.dir)
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), metaTail)
		if !ok {
			continue
		}
		if up, gerr := u.get(id); gerr == nil {
			all = append(all, up)
		}
	}
	return all, err
}

func (u *uploads) get(id string) (up Upload, err error) {
	if !uploadForm.MatchString(id) {
		return up, noUpload(id)
	}
	b, err := os.ReadFile(filepath.Join(u.dir, id+metaTail))
	if errors.Is(err, os.ErrNotExist) {
		return up, noUpload(id)
	}
	if err == nil {
		err = json.Unmarshal(b, &up)
	}
	return up, err
}

func noUpload(id string) error {
	return fmt.Errorf("there is no upload %.64q: it has expired, or is somebody else's; send the file again: %w", id, errdefs.ErrNotFound)
}

// FindUpload gives an upload of an owner; NotFound for somebody else's and for one that has expired.
func (s *Service) FindUpload(owner, id string) (Upload, error) {
	u, err := s.uploads.get(id)
	if err == nil && (u.Owner != owner || s.clock().After(u.Expires)) {
		return Upload{}, noUpload(id)
	}
	return u, err
}

// OpenUpload gives an upload's bytes; the caller closes it.
func (s *Service) OpenUpload(u Upload) (*os.File, error) {
	return os.Open(filepath.Join(s.uploads.dir, u.ID))
}

// DropUpload removes an upload; jobs that name it keep theirs.
func (s *Service) DropUpload(id string) error {
	if !uploadForm.MatchString(id) {
		return nil
	}
	return errors.Join(removeIfThere(filepath.Join(s.uploads.dir, id+metaTail)), removeIfThere(filepath.Join(s.uploads.dir, id)))
}

// halfMade is how long what has no record yet may be on its way.
const halfMade = time.Hour

// expireUploads removes what nobody has used in time, and what a crash left half made.
func (s *Service) expireUploads() error {
	err := s.dropHalfMade(filepath.Join(s.uploads.dir, partialDir), "")
	err = errors.Join(err, s.dropHalfMade(s.uploads.dir, atomicfile.Suffix))
	entries, rerr := os.ReadDir(s.uploads.dir)
	err = errors.Join(err, rerr)
	for _, e := range entries {
		id := strings.TrimSuffix(e.Name(), metaTail)
		if e.IsDir() {
			continue
		}
		u, gerr := s.uploads.get(id)
		if gerr == nil && s.clock().After(u.Expires) || gerr != nil && s.isOld(e) {
			err = errors.Join(err, s.DropUpload(id))
		}
	}
	return err
}

// dropHalfMade removes the files of a folder whose names end so, and which nobody has written to for long.
func (s *Service) dropHalfMade(dir, tail string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if !e.IsDir() && strings.HasSuffix(e.Name(), tail) && s.isOld(e) {
			err = errors.Join(err, removeIfThere(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// isOld says whether nobody has written to a file for longer than one is on its way.
func (s *Service) isOld(e os.DirEntry) bool {
	info, err := e.Info()
	return err == nil && s.clock().Sub(info.ModTime()) > halfMade
}
