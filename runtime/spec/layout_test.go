package spec

import (
	"os"
	"path/filepath"
	"testing"
)

func TestLayout(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"image", "a:b", "a"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for image, want := range map[string][2]string{
		"image": {"image"}, "image:v1": {"image", "v1"}, "image:docker.io/x/y:2": {"image", "docker.io/x/y:2"}, "image:": {"image", ""},
		"a:b": {"a:b"}, "a:b:c": {"a:b", "c"}, "a:c": {"a", "c"}, "gone": {"gone"}, "gone:v1": {"gone:v1"}, "": {""},
	} {
		path, tag, ok := Layout("oci:" + dir + "/" + image)
		if !ok || path != dir+"/"+want[0] || tag != want[1] {
			t.Errorf("%s: %q, %q, %v", image, path, tag, ok)
		}
	}
	if _, _, ok := Layout("registry.example/x:1"); ok {
		t.Error("a reference is a layout")
	}
}
