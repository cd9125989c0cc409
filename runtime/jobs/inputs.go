package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/internal/atomicfile"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// inputDir holds the files that jobs name: JOB.UPLOAD, links to uploads that stay as long as the job does.
const inputDir = ".inputs"

func (o *outputs) input(job, upload string) string {
	return filepath.Join(o.dir, inputDir, job+"."+upload)
}

// takeInputs gives a job its own links to the uploads that it names. On an error none remain.
func (s *Service) takeInputs(j Job) error {
	for _, id := range j.Inputs {
		err := os.Link(filepath.Join(s.uploads.dir, id), s.out.input(j.ID, id))
		if errors.Is(err, os.ErrNotExist) {
			err = noUpload(id)
		}
		if err != nil {
			s.dropInputs(j)
			return fmt.Errorf("a file of the job: %w", err)
		}
	}
	if len(j.Inputs) == 0 {
		return nil
	}
	return atomicfile.SyncDir(filepath.Join(s.out.dir, inputDir))
}

func (s *Service) dropInputs(j Job) {
	for _, id := range j.Inputs {
		s.try("a job's files", removeIfThere(s.out.input(j.ID, id)))
	}
}

// files are what lies beside a job's event.
func (s *Service) files(j Job) []spec.File {
	out := make([]spec.File, len(j.Inputs))
	for i, id := range j.Inputs {
		out[i] = spec.File{Name: id, Path: s.out.input(j.ID, id)}
	}
	return out
}

// tidyInputs removes the files of jobs that are not there: a crash came between them and the record.
func (s *Service) tidyInputs(ctx context.Context) error {
	dir := filepath.Join(s.out.dir, inputDir)
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		id, _, _ := strings.Cut(e.Name(), ".")
		info, ierr := e.Info()
		if ierr != nil || s.clock().Sub(info.ModTime()) < halfMade {
			continue // it may be about to be named
		}
		if _, gerr := s.deps.Store.Get(ctx, id); errdefs.IsNotFound(gerr) {
			err = errors.Join(err, removeIfThere(filepath.Join(dir, e.Name())))
		}
	}
	return err
}
