package e2e

import (
	"context"
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/videosdgx/videosdgx/internal/browsertest"
)

// TestThePageOfARealServer does with a browser what a person does with a fresh server: fetches a checkpoint, builds a bundle of it, deploys
// it in a container, loads, pins and unloads it, reads its log while it grows, makes clips, and takes one that there is.
func TestThePageOfARealServer(t *testing.T) {
	needContainerd(t)
	ctx := browsertest.Open(t, 8*time.Minute)
	hub := serveHub(t, filepath.Join(root, checkpoint))
	h := newHome(t, "containerd")
	h.env = []string{"HF_ENDPOINT=" + hub.url}
	s := h.serve(t)
	p := page{t, ctx}

	p.visit(s.url + "/#/models")
	p.sees("No function is deployed")
	p.fill("#repository", "demo/wan21-tiny")
	p.click("button", "Pull")
	p.until("(() => { const v = Number(document.querySelector('.ups [role=progressbar]')?.ariaValueNow); return v > 0 && v < 100 })()") // the hub holds the rest back
	hub.release()
	p.until("document.querySelectorAll('.ups .chip.completed').length === 1")
	p.until("document.querySelector('#checkpoint').value === 'wan21-tiny'")
	p.click("button", "Build")
	p.until("document.querySelectorAll('.ups .chip.completed').length === 2")
	if _, err := os.Stat(h.path("models", "wan21-tiny", "bundle.json")); err != nil {
		t.Error(err)
	}

	p.click("button", "Deploy")
	p.fill("dialog form label:nth-of-type(1) input", "wan21")
	p.fill("dialog form label:nth-of-type(2) input", "oci:"+need(t, wan21OCI))
	p.fill("dialog form label:nth-of-type(3) input", "wan21-tiny")
	p.click("dialog button[type=submit]", "Deploy")
	p.sees("wan21 is deployed.")

	p.click(".fn button", "Load")
	p.until("document.querySelector('.fn .ups .chip.idle') && / [KMG]iB/.test(document.querySelector('.fn .ups').innerText)")
	p.until("document.querySelector('.machine .scale .part.c1')?.offsetWidth > 0") // its memory, to scale
	if all := s.instances(t); len(all) != 1 || all[0].State != "idle" {
		t.Errorf("instances %+v", all)
	}
	p.click("button", "Keep in memory")
	p.sees("Let it go")
	if fn := into[struct{ Function struct{ Pin bool } }](t, s.do(t, "GET", "/api/v1/functions/wan21", "").want(t, 200).body); !fn.Function.Pin {
		t.Error("it is not pinned")
	}
	p.click("button", "Let it go")
	p.sees("Keep in memory")

	p.click(".fn button", "Logs")
	p.until("document.querySelector('dialog [role=log] div')")
	lines := p.number("document.querySelectorAll('dialog [role=log] div').length")
	j := s.submit(t, request(`"prompt":"a red circle"`)) // it says what it does
	p.until(fmt.Sprintf("document.querySelectorAll('dialog [role=log] div').length > %v", lines))
	s.untilJob(t, j.ID, "completed")
	p.click("dialog button", "Close")

	p.click("button", "Unload")
	p.until("!document.querySelector('.fn .ups')")
	if all := s.instances(t); len(all) != 0 {
		t.Errorf("instances %+v", all)
	}

	p.visit(s.url + "/?2#/make")
	ask := func(prompt string) {
		p.fill("#f-prompt", prompt)
		p.click("button[type=submit]", "Make it")
	}
	p.click("button.pill", "Draft")
	p.fill("#f-seed", "7")
	ask("a big red circle moving right on a navy background")
	p.until("document.querySelector('.screen .live')")
	p.until("document.querySelector('.screen video.player')?.readyState >= 2")
	p.visit(s.url + "/?3#/models")
	p.sees("Last cold start")
	p.until("[...document.querySelectorAll('.fall .track i')].length >= 2 && document.querySelector('.fall .track i').offsetWidth > 0")

	p.visit(s.url + "/?4#/make")
	ask("big red circle, moving right, navy background")
	p.sees("Take this clip") // by the model's own text encoder
	p.click("dialog button", "Take this clip")
	p.until("document.querySelector('.from-cache') && document.querySelector('.screen video.player')?.readyState >= 2")
	if all := into[struct{ Jobs []job }](t, s.do(t, "GET", "/v1/jobs", "").want(t, 200).body).Jobs; len(all) != 2 {
		t.Errorf("%d jobs: one was to be enough", len(all))
	}
	begin := time.Now()
	s.stop() // an open page does not hold it
	if took := time.Since(begin); took > 15*time.Second {
		t.Errorf("the stop took %s", took)
	}
	p.sees("The server does not answer.")
}

// page is the program's own page, in a browser.
type page struct {
	t   *testing.T
	ctx context.Context
}

func (p page) visit(url string) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, chromedp.Navigate(url)); err != nil {
		p.t.Fatal(err)
	}
	p.until("document.documentElement.dataset.ready === 'true' && document.querySelector('main') && !document.querySelector('.loading')")
}

func (p page) number(expression string) float64 {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[float64](expression))
	if err != nil {
		p.t.Fatalf("%v: %s", err, expression)
	}
	return v
}

func (p page) until(expression string) {
	p.t.Helper()
	ask := chromedp.Evaluate[bool]("(() => { try { return !!(" + expression + ") } catch { return false } })()")
	for end := time.Now().Add(2 * patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ok, err := chromedp.Run(p.ctx, ask); err == nil && ok {
			return
		}
	}
	text, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string]("document.body.innerText"))
	p.t.Fatalf("this did not come true: %s\nthe page shows:\n%s", expression, text)
}

func (p page) sees(text string) {
	p.t.Helper()
	p.until("document.body.innerText.includes(" + literal(text) + ")")
}

// click presses what a selector finds and a text is in.
func (p page) click(selector, text string) {
	p.t.Helper()
	find := fmt.Sprintf("[...document.querySelectorAll(%s)].find((e) => (e.innerText + ' ' + (e.ariaLabel || '')).includes(%s) && !e.disabled)", literal(selector), literal(text))
	p.until("(() => { const e = " + find + "; e.click(); return true })()")
}

// fill types into a field in the place of what is there.
func (p page) fill(selector, value string) {
	p.t.Helper()
	p.until("(() => { const e = document.querySelector(" + literal(selector) + "); e.focus(); e.select(); return true })()")
	if err := chromedp.Do(p.ctx, chromedp.SendKeys(chromedp.CSS(selector), value)); err != nil {
		p.t.Fatal(err)
	}
}

func literal(text string) string {
	b, _ := json.Marshal(text)
	return string(b)
}

// hub is a server of checkpoints that has one repository, and holds back the end of its largest file.
type hub struct {
	url  string
	hold chan struct{}
	once sync.Once
}

func (h *hub) release() { h.once.Do(func() { close(h.hold) }) }

func serveHub(t *testing.T, dir string) *hub {
	t.Helper()
	const commit = "0123456789abcdef0123456789abcdef01234567"
	type entry struct {
		Type string `json:"type"`
		Path string `json:"path"`
		Size int    `json:"size"`
		OID  string `json:"oid"`
	}
	var tree []entry
	largest := ""
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		tree = append(tree, entry{"file", filepath.ToSlash(name), len(b), fmt.Sprintf("%x", sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(b)), b...)))})
		if strings.HasPrefix(tree[len(tree)-1].Path, "transformer/") && strings.HasSuffix(path, ".safetensors") {
			largest = tree[len(tree)-1].Path
		}
		return err
	})
	if err != nil || largest == "" {
		t.Fatal(err, tree)
	}
	h := &hub{hold: make(chan struct{})}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.URL.Path, "/revision/"):
			fmt.Fprintf(w, `{"sha":%q}`, commit)
		case strings.Contains(r.URL.Path, "/tree/"):
			_ = json.NewEncoder(w).Encode(tree)
		case strings.HasPrefix(r.URL.Path, "/demo/wan21-tiny/resolve/"+commit+"/"):
			name := strings.TrimPrefix(r.URL.Path, "/demo/wan21-tiny/resolve/"+commit+"/")
			b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
			if err != nil {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Length", fmt.Sprint(len(b)))
			if name == largest {
				_, _ = w.Write(b[:len(b)/2])
				_ = http.NewResponseController(w).Flush()
				select {
				case <-h.hold:
				case <-r.Context().Done():
					return
				}
				b = b[len(b)/2:]
			}
			_, _ = w.Write(b)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(srv.Close)
	t.Cleanup(h.release)
	h.url = srv.URL
	return h
}
