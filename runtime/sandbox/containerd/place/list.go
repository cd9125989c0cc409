package place

import (
	"os"
	"strings"
)

// Below lists the mount points in a folder, in the order in which they were mounted.
func Below(dir string) ([]string, error) {
	text, err := os.ReadFile("/proc/thread-self/mounts")
	if err != nil {
		return nil, err
	}
	var found []string
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 1 && strings.HasPrefix(f[1], dir+"/") {
			found = append(found, f[1])
		}
	}
	return found, nil
}
