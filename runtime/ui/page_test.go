package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func served(t *testing.T, path string, header ...string) *http.Response {
	t.Helper()
	mux := http.NewServeMux()
	Page{}.Register(mux)
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	var src io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		src = z
	}
	b, err := io.ReadAll(src)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestThePageIsServed(t *testing.T) {
	for accept, want := range map[string]string{"": "en", "de, fr;q=0.5": "en", "pt-BR,pt;q=0.9": "pt-BR", "pt-PT": "pt-BR", "en;q=0.5, pt;q=0.8": "pt-BR"} {
		r := served(t, "/", "Accept-Language", accept, "Accept-Encoding", "gzip, br")
		text := body(t, r)
		if !strings.Contains(text, `<html lang="`+want+`">`) {
			t.Errorf("%q gets %.60s", accept, text)
		}
		if r.Header.Get("Content-Security-Policy") != Policy || strings.Contains(Policy, "unsafe") {
			t.Errorf("policy %q", r.Header.Get("Content-Security-Policy"))
		}
		for _, m := range regexp.MustCompile(`(?:href|src)="([^"]+)"`).FindAllStringSubmatch(text, -1) {
			if m[1] == "/openapi.json" || m[1] == "/v1/models" { // the API's
				continue
			}
			a := served(t, m[1], "Accept-Encoding", "gzip")
			if a.StatusCode != 200 || !strings.Contains(a.Header.Get("Cache-Control"), "immutable") || a.Header.Get("Content-Type") == "" {
				t.Errorf("%s: %s %v", m[1], a.Status, a.Header)
			}
		}
	}
	for cookie, want := range map[string]string{"en": "en", "pt-BR": "pt-BR", `en"><script>`: "pt-BR", "": "pt-BR"} { // the reader's choice goes before the browser's
		if text := body(t, served(t, "/", "Accept-Language", "pt-BR", "Cookie", languageCookie+"="+cookie)); !strings.Contains(text, `<html lang="`+want+`">`) || !strings.Contains(text, "/lang/"+want+".json") {
			t.Errorf("with the cookie %q: %.200s", cookie, text)
		}
	}
	if r := served(t, "/ui/0123456789abcdef/app.js"); r.StatusCode != 404 || r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("another build's file: %s", r.Status)
	}
}

func TestPlainReadersGetPlainText(t *testing.T) {
	r := served(t, "/ui/"+theBuild().name+"/app.js")
	if r.Header.Get("Content-Encoding") != "" || !strings.Contains(body(t, r), "import") {
		t.Error(r.Header)
	}
}

// TestTheFirstLoadIsSmall adds up what a browser fetches before the first part is seen.
func TestTheFirstLoadIsSmall(t *testing.T) {
	text, total, seen := theBuild().index, 0, map[string]bool{}
	var add func(name string)
	add = func(name string) {
		f, ok := theBuild().files[name]
		if seen[name] || !ok {
			return
		}
		seen[name] = true
		n := len(f.gzip())
		if n == 0 {
			n = len(f.plain)
		}
		total += n
		for _, m := range regexp.MustCompile(`(?m)^(?:import|export) [^;]*?from '\./([^']+)'`).FindAllSubmatch(f.plain, -1) {
			add(string(m[1]))
		}
	}
	for _, m := range regexp.MustCompile(`\{?/ui/[0-9a-f]+/([^"]+)"`).FindAllStringSubmatch(text, -1) {
		add(m[1])
	}
	add("lang/pt-BR.json")
	if len(seen) < 4 {
		t.Fatalf("only %d files were found", len(seen))
	}
	if total += len(compressed([]byte(text))); total > 150<<10 {
		t.Errorf("the first load has %d bytes compressed", total)
	}
	t.Logf("%d files, %d bytes compressed", len(seen)+1, total)
}

func sources(t *testing.T, want func(name string) bool) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := fs.WalkDir(embedded, "web", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && want(name) {
			b, rerr := fs.ReadFile(embedded, name)
			out[name], err = string(b), rerr
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func own(name string) bool { return !strings.Contains(name, "/vendor/") }

// TestNothingComesFromElsewhereAndNoTextBecomesMarkup reads the page's own files.
func TestNothingComesFromElsewhereAndNoTextBecomesMarkup(t *testing.T) {
	for name, text := range sources(t, own) {
		for _, bad := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", ` style="`, "<script>", "<style", "javascript:"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s has %s", name, bad)
			}
		}
		for _, m := range regexp.MustCompile(`(?:https?:)?//[a-z0-9-]+\.[a-z0-9.]+`).FindAllString(text, -1) {
			if m != "http://www.w3.org" && m != "//request.json" { // a namespace, and a file that a command line names
				t.Errorf("%s names %s", name, m)
			}
		}
	}
}

// TestVendoredFilesAreWhatTheirRecordSays: each has its package, version, licence and digest.
func TestVendoredFilesAreWhatTheirRecordSays(t *testing.T) {
	all := sources(t, func(name string) bool { return !own(name) })
	var records []struct{ File, Package, Version, Path, Licence, Notice, SHA256 string }
	if err := json.Unmarshal([]byte(all["web/vendor/VENDOR.json"]), &records); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, r := range records {
		known["web/vendor/"+r.File] = true
		sum := sha256.Sum256([]byte(all["web/vendor/"+r.File]))
		if hex.EncodeToString(sum[:]) != r.SHA256 || r.Package == "" || r.Version == "" || r.Path == "" || r.Licence == "" {
			t.Errorf("%+v", r)
		}
		if len(all["web/vendor/"+r.Notice]) < 500 {
			t.Errorf("%s has no licence text %s", r.File, r.Notice)
		}
	}
	for name := range all {
		if !known[name] && !strings.HasSuffix(name, ".LICENSE") && name != "web/vendor/VENDOR.json" {
			t.Errorf("%s is in no record", name)
		}
	}
}

var (
	textCall  = regexp.MustCompile(`\bt\('([^']+)'`)
	textStem  = regexp.MustCompile("\\bt\\(`([^`$]+)\\$\\{")
	countCall = regexp.MustCompile(`\btn\('([^']+)'`)
	countPick = regexp.MustCompile(`\btn\([^'(),]+ \? '([^']+)' : '([^']+)'`)
	groupCall = regexp.MustCompile(`\btd\('([^']+)'`)
	hole      = regexp.MustCompile(`\{\w+\}`)
)

// TestTextsAreComplete: what the page says is there in every language, and nothing else is.
func TestTextsAreComplete(t *testing.T) {
	texts := map[string]map[string]string{}
	for _, l := range languages {
		b, err := fs.ReadFile(embedded, "web/lang/"+l+".json")
		if err != nil {
			t.Fatal(err)
		}
		var all map[string]string
		if err := json.Unmarshal(b, &all); err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		texts[l] = all
	}
	used, stems := map[string]bool{}, []string{}
	for _, src := range sources(t, func(n string) bool { return own(n) && strings.HasSuffix(n, ".js") }) {
		for _, m := range textCall.FindAllStringSubmatch(src, -1) {
			used[m[1]] = true
		}
		for _, m := range countCall.FindAllStringSubmatch(src, -1) {
			used[m[1]+".one"], used[m[1]+".other"] = true, true
		}
		for _, m := range countPick.FindAllStringSubmatch(src, -1) {
			for _, k := range m[1:] {
				used[k+".one"], used[k+".other"] = true, true
			}
		}
		for _, m := range textStem.FindAllStringSubmatch(src, -1) {
			stems = append(stems, m[1])
		}
		for _, m := range groupCall.FindAllStringSubmatch(src, -1) {
			stems = append(stems, m[1]+".")
		}
	}
	if len(used) < 50 {
		t.Fatalf("only %d texts were found in use", len(used))
	}
	begins := func(key string) bool {
		return slices.ContainsFunc(stems, func(s string) bool { return strings.HasPrefix(key, s) })
	}
	for _, l := range languages {
		for key := range used {
			if texts[l][key] == "" {
				t.Errorf("%s lacks %s", l, key)
			}
		}
		for key, text := range texts[l] {
			if !used[key] && !begins(key) {
				t.Errorf("%s has %s, which nothing uses", l, key)
			}
			en, there := texts["en"][key]
			if a, b := holes(text), holes(en); !there || !slices.Equal(a, b) {
				t.Errorf("%s: %s has %v, English %v", l, key, a, b)
			}
		}
	}
	for _, stem := range stems {
		if !slices.ContainsFunc(keys(texts["en"]), func(k string) bool { return strings.HasPrefix(k, stem) }) {
			t.Errorf("there is no text under %s", stem)
		}
	}
}

func holes(text string) []string {
	all := hole.FindAllString(text, -1)
	slices.Sort(all)
	return slices.Compact(all)
}

func keys(m map[string]string) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	return out
}

func TestCompressedIsWhatItWas(t *testing.T) {
	for name, f := range theBuild().files {
		if f.gzip() == nil {
			continue
		}
		z, err := gzip.NewReader(bytes.NewReader(f.gzip()))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(z); err != nil || !bytes.Equal(b, f.plain) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
