package image

import (
	"archive/tar"
	"io"
	"path/filepath"
)

// total is about how long the archive is, in bytes.
func (s *source) total() (n int64) {
	if s.whole() {
		if st, err := s.file.Stat(); err == nil {
			return st.Size()
		}
		return 0
	}
	for _, name := range s.blobs {
		if size, err := s.size(name); err == nil { // what has gone since fails while it is read
			n += size
		}
	}
	return n
}

// whole says whether all of an archive is the image.
func (s *source) whole() bool { return s.file != nil && s.tag == "" }

// archive is the source as containerd imports it: all of an archive of one image, else what belongs to the image.
func (s *source) archive() io.ReadCloser {
	pack := s.pack
	if s.whole() {
		if s.list == "" {
			return io.NopCloser(s.bytes())
		}
		pack = s.repack
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(pack(w)) }()
	return r
}

// bytes is an archive as it lies on the disk.
func (s *source) bytes() io.Reader { return io.NewSectionReader(s.file, 0, 1<<62) }

// repack copies an archive but for its list of images.
func (s *source) repack(w io.Writer) error {
	t := tar.NewWriter(w)
	for r := tar.NewReader(s.bytes()); ; {
		h, err := r.Next()
		if err == io.EOF {
			return t.Close()
		}
		if err == nil && h.Typeflag == tar.TypeReg && filepath.Clean(h.Name) == s.list {
			if err = s.add(t, s.list); err != nil {
				return err
			}
			continue
		}
		if err == nil {
			err = t.WriteHeader(h)
		}
		if err == nil {
			_, err = io.Copy(t, r)
		}
		if err != nil {
			return err
		}
	}
}

func (s *source) pack(w io.Writer) error {
	t := tar.NewWriter(w)
	for _, name := range s.blobs {
		if err := s.add(t, name); err != nil {
			return err
		}
	}
	return t.Close()
}

func (s *source) add(t *tar.Writer, name string) error {
	if name == s.list {
		if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(s.index)), Typeflag: tar.TypeReg}); err != nil {
			return err
		}
		_, err := t.Write(s.index)
		return err
	}
	n, err := s.size(name)
	if err != nil {
		return err
	}
	f, err := s.open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: n, Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err = io.CopyN(t, f, n)
	return err
}

func (s *source) open(name string) (io.ReadCloser, error) {
	if s.file != nil {
		p := s.parts[name]
		return io.NopCloser(io.NewSectionReader(s.file, p.offset, p.size)), nil
	}
	return s.dir.Open(name)
}
