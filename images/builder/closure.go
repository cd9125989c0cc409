package builder

import (
	"bufio"
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// resolver finds shared libraries as the dynamic loader would: an object's RPATH/RUNPATH, then the loader's cache,
// then its default folders; last in VideosDGX's own prefix.
type resolver struct {
	cache   map[string]string // soname → path, for this machine's architecture
	prefix  string
	triplet string // multiarch folder, "x86_64-linux-gnu"
}

func newResolver(prefix string) (*resolver, error) {
	r := &resolver{cache: map[string]string{}, prefix: prefix, triplet: tripletOf()}
	ldconfig := "/sbin/ldconfig"
	if p, err := exec.LookPath("ldconfig"); err == nil {
		ldconfig = p
	}
	out, err := exec.Command(ldconfig, "-p").Output()
	if err != nil {
		return nil, fmt.Errorf("cannot list shared libraries with ldconfig -p: %w", err)
	}
	for s := bufio.NewScanner(bytes.NewReader(out)); s.Scan(); {
		r.addCacheLine(s.Text())
	}
	return r, nil
}

// addCacheLine takes "	libm.so.6 (libc6,x86-64) => /lib/x86_64-linux-gnu/libm.so.6"; the first entry of a name wins.
func (r *resolver) addCacheLine(line string) {
	name, path, ok := strings.Cut(strings.TrimSpace(line), " => ")
	soname, tags, _ := strings.Cut(name, " (")
	if !ok || !strings.Contains(tags, cacheTag) || r.cache[soname] != "" {
		return
	}
	r.cache[soname] = path
}

// object is one file to put into an image.
type object struct{ from, to string }

// closure lists the shared libraries and the loader that an ELF file needs, itself left out; nothing for other files.
func (r *resolver) closure(o object) ([]object, error) {
	seen := map[string]bool{}
	var found []object
	queue := []object{o}
	for len(queue) > 0 {
		next, err := r.needs(queue[0])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.from, err)
		}
		queue = queue[1:]
		for _, o := range next {
			if !seen[o.to] {
				seen[o.to] = true
				found = append(found, o)
				queue = append(queue, o)
			}
		}
	}
	return found, nil
}

func (r *resolver) needs(of object) ([]object, error) {
	f, err := elf.Open(of.from)
	if err != nil {
		return nil, nil // not an ELF file: it needs nothing
	}
	defer f.Close()
	var out []object
	if loader := interpreter(f); loader != "" {
		out = append(out, object{loader, mergedUsr(loader)})
	}
	libs, err := f.ImportedLibraries()
	if err != nil {
		return nil, err
	}
	for _, lib := range libs {
		if fromDriver(lib) {
			continue
		}
		o, err := r.find(lib, runpaths(f, of))
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

// fromDriver says whether a library is the GPU driver's: it must be of the version that runs on the machine, so it comes with
// the device when a container starts, and never lies in an image.
func fromDriver(soname string) bool {
	return strings.HasPrefix(soname, "libcuda.so") || strings.HasPrefix(soname, "libnvidia-")
}

// find resolves a soname. A library found through a RUNPATH goes where the same RUNPATH finds it inside; every other where
// the loader looks by itself.
func (r *resolver) find(soname string, runpaths []object) (object, error) {
	for _, dir := range runpaths {
		if p := filepath.Join(dir.from, soname); isFile(p) {
			return object{p, mergedUsr(filepath.Join(dir.to, soname))}, nil
		}
	}
	to := filepath.Join("/usr/lib", r.triplet, soname)
	if p := r.cache[soname]; p != "" {
		return object{p, to}, nil
	}
	for _, dir := range []string{filepath.Join("/usr/lib", r.triplet), "/usr/lib64", "/usr/lib", r.prefix} {
		if p := filepath.Join(dir, soname); isFile(p) {
			return object{p, to}, nil
		}
	}
	return object{}, fmt.Errorf("needs %s, which this machine does not have", soname)
}

func interpreter(f *elf.File) string {
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			b := make([]byte, p.Filesz)
			if _, err := p.ReadAt(b, 0); err == nil {
				return string(bytes.TrimRight(b, "\x00"))
			}
		}
	}
	return ""
}

// runpaths are the folders that an object names, here and inside.
func runpaths(f *elf.File, of object) []object {
	var out []object
	for _, tag := range []elf.DynTag{elf.DT_RUNPATH, elf.DT_RPATH} {
		vals, _ := f.DynString(tag)
		for _, v := range vals {
			for dir := range strings.SplitSeq(v, ":") {
				out = append(out, object{origin(dir, of.from), origin(dir, of.to)})
			}
		}
	}
	return out
}

func origin(dir, of string) string {
	return filepath.Clean(strings.NewReplacer("$ORIGIN", filepath.Dir(of), "${ORIGIN}", filepath.Dir(of)).Replace(dir))
}

func isFolder(p string) bool {
	st, err := os.Stat(p)
	return err == nil && st.IsDir()
}

// mergedUsr maps /lib… and /bin to where they really are on a system with a merged /usr; the base layer has the links.
func mergedUsr(p string) string {
	for _, d := range []string{"/lib/", "/lib64/", "/bin/", "/sbin/"} {
		if strings.HasPrefix(p, d) {
			return "/usr" + p
		}
	}
	return p
}

func isFile(p string) bool {
	st, err := os.Stat(p)
	return err == nil && st.Mode().IsRegular()
}
