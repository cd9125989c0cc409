package builder

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// notCarried are names in folders that are made again, or are nobody's business at run time.
var notCarried = map[string]bool{"__pycache__": true, ".git": true, ".venv": true}

// putFolder adds all of a folder, with the libraries that its programs and extension modules need. Links that stay inside are
// kept; one that leads out to a file becomes that file, to a folder it is an error.
func (b *build) putFolder(t tree, o object, skip func(rel string) bool) error {
	root, err := filepath.EvalSymlinks(o.from)
	if err != nil {
		return err
	}
	t.add(entry{path: o.to, mode: 0o755, dir: true})
	return filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if err != nil || p == root {
			return err
		}
		rel, _ := filepath.Rel(root, p)
		if notCarried[e.Name()] || strings.HasSuffix(p, ".pyc") || skip != nil && skip(rel) {
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		return b.putItem(t, root, p, path.Join(o.to, filepath.ToSlash(rel)), e)
	})
}

func (b *build) putItem(t tree, root, p, to string, e fs.DirEntry) error {
	switch {
	case b.ctx.Err() != nil:
		return b.ctx.Err()
	case e.IsDir():
		t.add(entry{path: to, mode: 0o755, dir: true})
		return nil
	case e.Type()&fs.ModeSymlink != 0:
		return b.putLink(t, root, p, to)
	case e.Type().IsRegular():
		return b.put(t, object{p, to})
	}
	return fmt.Errorf("%s is neither a file, a folder nor a link", p)
}

func (b *build) putLink(t tree, root, p, to string) error {
	target, err := os.Readlink(p)
	if err != nil {
		return err
	}
	real, err := filepath.EvalSymlinks(p)
	inside := err == nil && (real == root || strings.HasPrefix(real, root+"/"))
	switch {
	case inside && !filepath.IsAbs(target):
		if !b.have[to] {
			t.add(entry{path: to, mode: 0o777, link: target})
		}
		return nil
	case err == nil && isFile(real):
		return b.put(t, object{real, to})
	case err != nil:
		return fmt.Errorf("link %s leads nowhere (%s): remove it", p, target)
	}
	return fmt.Errorf("link %s leads out of its folder to the folder %s: copy that folder in its place", p, target)
}
