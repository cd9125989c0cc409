package criu

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// entry is a mount as CRIU lists it.
func entry(kind, device uint64, point, options string) mount {
	var b []byte
	number := func(n protowire.Number, v uint64) {
		b = protowire.AppendVarint(protowire.AppendTag(b, n, protowire.VarintType), v)
	}
	text := func(n protowire.Number, v string) {
		b = protowire.AppendString(protowire.AppendTag(b, n, protowire.BytesType), v)
	}
	number(fieldKind, kind)
	number(2, 100+device)
	number(fieldDevice, device)
	text(7, point)
	text(fieldOptions, options)
	number(17, 1)
	return mount{raw: b}
}

// archive is one of a file system in memory, with an empty file in it for each name.
func archive(t *testing.T, dir string, device int, mode int64, names ...string) {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	headers := []tar.Header{{Typeflag: tar.TypeDir, Name: "./", Mode: mode}}
	for _, name := range names {
		headers = append(headers, tar.Header{Name: "./" + name, Mode: 0o600})
	}
	for _, h := range headers {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	b.Write(make([]byte, 10240-b.Len())) // tar fills its record
	if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("tmpfs-dev-%d.tar.gz.img", device)), b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestSpareArchives(t *testing.T) {
	dir := t.TempDir()
	list := filepath.Join(dir, "mountpoints-13.img")
	mounts := []mount{
		entry(kindTmpfs, 1, "/tmp", "size=4k,uid=0,gid=0"),
		entry(kindTmpfs, 2, "/used", "size=4k"),
		entry(kindTmpfs, 3, "/dev", "mode=755"),
		entry(kindTmpfs, 4, "/closed", ""),
		entry(kindTmpfs, 5, "/run/videosdgx", "mode=755"), // from outside: no archive
		entry(1, 6, "/proc", ""),
		entry(kindTmpfs, 1, "/tmp/again", "size=4k,uid=0,gid=0"),
	}
	if err := writeMounts(list, mounts); err != nil {
		t.Fatal(err)
	}
	archive(t, dir, 1, 0o1777)
	archive(t, dir, 2, 0o1777, "left")
	archive(t, dir, 3, 0o755)
	archive(t, dir, 4, 0o700) // somebody closed it
	if err := SpareArchives(dir); err != nil {
		t.Fatal(err)
	}
	got, err := readMounts(list)
	if err != nil {
		t.Fatal(err)
	}
	for i, spared := range []bool{true, false, true, false, false, false, true} {
		want := mounts[i].raw
		if spared {
			want = protowire.AppendVarint(protowire.AppendTag(nil, fieldKind, protowire.VarintType), kindAuto)
			want = append(want, mounts[i].raw[2:]...) // all else as it was
			want = protowire.AppendString(protowire.AppendTag(want, fieldName, protowire.BytesType), "tmpfs")
		}
		if !bytes.Equal(got[i].raw, want) {
			t.Errorf("mount %d is %x, want %x", i, got[i].raw, want)
		}
	}
	for device, kept := range map[int]bool{1: false, 2: true, 3: false, 4: true} {
		if _, err := os.Stat(filepath.Join(dir, fmt.Sprintf("tmpfs-dev-%d.tar.gz.img", device))); (err == nil) != kept {
			t.Errorf("archive %d: %v", device, err)
		}
	}
	if err := SpareArchives(dir); err != nil {
		t.Errorf("a second time: %v", err)
	}
}

func TestDamagedListOfMounts(t *testing.T) {
	whole := append(bytes.Clone(mountsHead), 6, 0, 0, 0)
	whole = append(whole, 0x08, 5, 0x18, 9, 0x28, 1)
	for at := range whole {
		if at == len(mountsHead) {
			continue // an empty list
		}
		dir := t.TempDir()
		list := filepath.Join(dir, "mountpoints-1.img")
		if err := os.WriteFile(list, whole[:at], 0o644); err != nil {
			t.Fatal(err)
		}
		if err := SpareArchives(dir); err == nil {
			t.Errorf("%d of %d bytes are taken for a list", at, len(whole))
		}
	}
}
