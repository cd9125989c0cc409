package main

import (
	"testing"

	"github.com/videosdgx/videosdgx/functions/ltx2"
)

// Every block's products become codes: 14 in each, of which none is a gate's or the sound's.
func TestForms(t *testing.T) {
	for _, release := range []string{"2.0", "2.3"} {
		for format, codes := range map[string]int{"fp32": 0, "bf16": 0, "fp8": 2 * 14} {
			w, err := ltx2.Published(release, 2)
			if err != nil {
				t.Fatal(err)
			}
			m, err := w.Model()
			if err == nil {
				err = formed(m, format)
			}
			if err != nil {
				t.Fatal(err)
			}
			ops, n := map[string]int{}, 0
			for _, node := range m.Graph.Nodes {
				ops[node.Op]++
				for _, a := range node.Attrs {
					if a.Name == "format" && a.S == "fp8" {
						n++
					}
				}
			}
			t.Logf("%s %s: %v", release, format, ops)
			if n != codes {
				t.Errorf("%s %s: %d products of codes, want %d", release, format, n, codes)
			}
		}
	}
}
