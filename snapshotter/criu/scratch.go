package criu

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// SpareArchives takes out of a dump's images what a restore spends most on for nothing: for each file system in memory CRIU
// runs tar and gzip, one after the other, also where there is nothing to unpack, as in a /tmp that nobody has used. Those
// are mounted and left at that. It must be called once for a dump, before anybody relies on its files.
func SpareArchives(dir string) error {
	lists, err := filepath.Glob(filepath.Join(dir, "mountpoints-*.img"))
	if err != nil {
		return err
	}
	for _, list := range lists {
		if err := spareArchives(dir, list); err != nil {
			return fmt.Errorf("CRIU's image %s: %w", list, err)
		}
	}
	return nil
}

func spareArchives(dir, list string) error {
	mounts, err := readMounts(list)
	if err != nil {
		return err
	}
	var spared []string
	for i := range mounts {
		archive := filepath.Join(dir, fmt.Sprintf("tmpfs-dev-%d.tar.gz.img", mounts[i].device))
		bare, err := isBare(archive, mounts[i].mode)
		if err != nil {
			return err
		}
		if mounts[i].memory && bare {
			mounts[i].mountOnly()
			spared = append(spared, archive)
		}
	}
	if len(spared) == 0 {
		return nil
	}
	if err := writeMounts(list, mounts); err != nil {
		return err
	}
	for _, archive := range spared {
		if err := os.Remove(archive); err != nil && !errors.Is(err, os.ErrNotExist) { // mounted at two places, it is listed twice
			return err
		}
	}
	return nil
}

// isBare tells whether an archive holds nothing but its top folder, and that as a new mount has it. What is not there, as of
// mounts from outside, holds nothing to spare.
func isBare(archive string, mode int64) (bool, error) {
	f, err := os.Open(archive)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return false, err
	}
	z.Multistream(false) // zeros follow, up to a whole record of tar's
	t := tar.NewReader(z)
	top, err := t.Next()
	if err != nil {
		return false, err
	}
	if top.Name != "./" || top.Mode != mode || top.Uid != 0 || top.Gid != 0 || len(top.PAXRecords) > 0 {
		return false, nil
	}
	if _, err = t.Next(); errors.Is(err, io.EOF) {
		return true, nil
	}
	return false, err
}
