package plot

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
)

func report() *harness.Report {
	r, s := harness.NewReport("x"), harness.NewSamples()
	for i := range 1000 {
		s.Add(time.Duration(i+1) * time.Microsecond)
	}
	r.Quantiles("a<b", s)
	r.Figure("leaked", 1)
	r.Want("leaked", "= 0")
	r.Phases["absent"] = []harness.Phase{{Name: "create", Ms: 20}, {Name: "run", Ms: 3}, {Name: "total", Ms: 24}}
	r.Series["rss_mb"] = []harness.Point{{Seconds: 0, Value: 10}, {Seconds: 5, Value: 30}}
	return r
}

func TestImagesAreWellFormedAndNotEmpty(t *testing.T) {
	dir := t.TempDir()
	if err := Images(dir, []*harness.Report{report()}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"x-latency", "x-phases", "x-rss_mb"} {
		b, err := os.ReadFile(filepath.Join(dir, name+".svg"))
		if err != nil {
			t.Fatal(err)
		}
		for d := xml.NewDecoder(bytes.NewReader(b)); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		f, err := os.Open(filepath.Join(dir, name+".png"))
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		seen := map[any]bool{}
		for y := range img.Bounds().Dy() {
			for x := range img.Bounds().Dx() {
				seen[img.At(x, y)] = true
			}
		}
		if len(seen) < 10 { // text and lines have many shades
			t.Errorf("%s.png has %d colours", name, len(seen))
		}
	}
}

func TestPageHasAllAndFetchesNothing(t *testing.T) {
	var b bytes.Buffer
	if err := Page(&b, "results", []*harness.Report{report()}); err != nil {
		t.Fatal(err)
	}
	got := b.String()
	for _, want := range []string{"<svg", "<td>a&lt;b</td>", "create", "governor", `class="missed"`, "should be"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in the page", want)
		}
	}
	if strings.Contains(got, "src=") || strings.Contains(got, "<script") || strings.Contains(got, "href=") {
		t.Error("the page needs other files")
	}
}

func TestACurveEndsWhereItsSamplesDo(t *testing.T) {
	d := harness.Distribution{N: 10, Points: [][2]float64{{0, 1}, {50, 2}, {90, 3}, {99, 4}, {100, 5}}}
	got := upTo(d)
	if len(got) != 3 || got[2] != [2]float64{90, 5} {
		t.Errorf("%v", got)
	}
}
