package bundle

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/videosdgx/videosdgx/functions/inference/weights"
)

// licenseOf is what a checkpoint says of its licence: under "license" in its model_index.json, or as hubs have it in the head
// of its README.md. nil when it says nothing.
func licenseOf(c *weights.Checkpoint) *weights.License {
	l := &weights.License{}
	if json.Unmarshal(c.Index["license"], &l.Name) != nil || l.Name == "" {
		head := readmeHead(filepath.Join(c.Dir, "README.md"))
		if l.Name = head["license"]; l.Name == "other" && head["license_name"] != "" {
			l.Name, l.Link = head["license_name"], head["license_link"]
		}
	}
	if l.Name == "" {
		return nil
	}
	return l
}

// readmeHead are the plain values between the first two lines of "---".
func readmeHead(path string) map[string]string {
	out := map[string]string{}
	f, err := os.Open(path)
	if err != nil {
		return out
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for line := 0; s.Scan(); line++ {
		text := strings.TrimSpace(s.Text())
		if (line == 0) != (text == "---") {
			break
		}
		if name, value, ok := strings.Cut(text, ":"); ok {
			out[strings.TrimSpace(name)] = strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	return out
}
