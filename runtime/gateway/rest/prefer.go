package rest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/functions/schema"
)

// preferences reads Prefer (RFC 7240): names in lower case, and of a repeated one the first.
func preferences(r *http.Request) map[string]string {
	out := map[string]string{}
	for _, line := range r.Header.Values("Prefer") {
		for _, p := range outsideQuotes(line, ',') {
			p = outsideQuotes(p, ';')[0]
			name, value, _ := strings.Cut(p, "=")
			name = strings.ToLower(strings.TrimSpace(name))
			if _, again := out[name]; !again {
				out[name] = strings.Trim(strings.TrimSpace(value), `"`)
			}
		}
	}
	return out
}

// outsideQuotes splits a header's line at a sign, but not inside of quoted text. It gives at least one part.
func outsideQuotes(line string, at rune) (parts []string) {
	quoted, escaped := false, false
	begin := 0
	for i, c := range line {
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = quoted
		case c == '"':
			quoted = !quoted
		case c == at && !quoted:
			parts, begin = append(parts, line[begin:i]), i+1
		}
	}
	return append(parts, line[begin:])
}

// waitFor is how long the client would wait for the end, at most most. A respond-async beside it is what happens when the
// wait was too short.
func waitFor(r *http.Request, most time.Duration) time.Duration {
	v := preferences(r)["wait"]
	if !isSeconds(v) {
		return 0
	}
	n, err := strconv.ParseUint(v, 10, 31)
	if err != nil { // more than anybody can wait
		return most
	}
	return min(time.Duration(n)*time.Second, most)
}

func isSeconds(v string) bool { return v != "" && strings.Trim(v, "0123456789") == "" }

func wantsAsync(r *http.Request) bool {
	_, ok := preferences(r)["respond-async"]
	return ok
}

// readable are the forms of what preferences may say, and what would do instead of anything else.
var readable = map[string]struct {
	is   func(v string) bool
	does string
}{
	"wait":    {isSeconds, "wait=60, in whole seconds"},
	"cache":   {func(v string) bool { return v == "" || v == "any" }, "cache, or cache=any"},
	"similar": {func(v string) bool { _, ok := likeness(v); return v == "" || ok }, "similar, or similar=0.95, above 0 and at most 1"},
}

// likeness reads what similar= says.
func likeness(v string) (n float64, ok bool) {
	n, err := strconv.ParseFloat(v, 64)
	return n, err == nil && n > 0 && n <= 1
}

// passedOver names the preferences that nobody can read. They change nothing else: a preference is no condition (RFC 7240).
func passedOver(r *http.Request) (list []string) {
	for name, v := range preferences(r) {
		if form, ours := readable[name]; ours && !form.is(v) {
			list = append(list, fmt.Sprintf("Prefer: %s is %q, which was passed over: write %s", name, schema.Show(v), form.does))
		}
	}
	slices.Sort(list)
	return list
}
