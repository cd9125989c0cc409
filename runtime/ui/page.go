package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/language"

	"github.com/videosdgx/videosdgx/runtime/auth"
)

//go:embed web
var embedded embed.FS

// Policy is the page's Content-Security-Policy: everything is the server's own, there are no scripts or styles inside
// documents, and no text can be taken for markup.
const Policy = "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; " +
	"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// Page serves the page. It implements gateway.Routes; the zero value is ready.
type Page struct{}

// Register mounts the page at / and its files below /ui/.
func (Page) Register(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", index)
	mux.HandleFunc("GET /ui/{build}/{file...}", asset)
}

// Needs implements gateway.Guarded: the page is for everybody, and asks for a key itself when the API does.
func (Page) Needs() map[string]auth.Need {
	return map[string]auth.Need{"GET /{$}": auth.Everybody, "GET /ui/{build}/{file...}": auth.Everybody}
}

// file is one of the page's files, as it is sent.
type file struct {
	kind  string
	plain []byte
	gzip  func() []byte // made when it is first asked for; nil where it would not be shorter
}

// build is all files, under a name that changes with any of them.
type build struct {
	name  string
	files map[string]file
	index string
}

// theBuild is made when it is first asked for: a program that serves no page pays nothing.
var theBuild = sync.OnceValue(func() *build {
	b, err := makeBuild(embedded)
	if err != nil {
		panic(err) // the files are in the program
	}
	return b
})

func makeBuild(from fs.FS) (*build, error) {
	b, sum, modules := &build{files: map[string]file{}}, sha256.New(), map[string]string{}
	err := fs.WalkDir(from, "web", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s %d\n", name, len(data))
		sum.Write(data)
		switch name = strings.TrimPrefix(name, "web/"); {
		case name == "index.html":
			b.index = string(data)
		case path.Ext(name) == ".js":
			modules[name] = string(data)
		default:
			b.files[name] = newFile(name, data)
		}
		return nil
	})
	if err == nil {
		modules, err = link(modules)
	}
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		fmt.Fprintf(sum, "%s %d\n%s", name, len(modules[name]), modules[name]) // another way to link them is another build
		b.files[name] = newFile(name, []byte(modules[name]))
	}
	b.name = hex.EncodeToString(sum.Sum(nil))[:16]
	b.index = strings.ReplaceAll(b.index, "{build}", "/ui/"+b.name)
	return b, err
}

func newFile(name string, data []byte) file {
	return file{kinds[path.Ext(name)], data, sync.OnceValue(func() []byte { return compressed(data) })}
}

var kinds = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".json": "application/json", ".svg": "image/svg+xml",
	".LICENSE": "text/plain; charset=utf-8", ".webmanifest": "application/manifest+json", ".png": "image/png",
}

func compressed(data []byte) []byte {
	var buf bytes.Buffer
	w, _ := gzip.NewWriterLevel(&buf, gzip.BestCompression) // the level is one
	_, _ = w.Write(data)                                    // a buffer takes all
	_ = w.Close()
	if buf.Len() >= len(data) {
		return nil
	}
	return buf.Bytes()
}

func index(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", Policy)
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-cache")
	h.Add("Vary", "Accept-Language, Cookie")
	text := strings.ReplaceAll(theBuild().index, "{lang}", wanted(r))
	sendFile(w, r, file{"text/html; charset=utf-8", []byte(text), func() []byte { return compressed([]byte(text)) }})
}

// asset serves a file of this build, which never changes under its name. Those of other builds are gone.
func asset(w http.ResponseWriter, r *http.Request) {
	f, ok := theBuild().files[r.PathValue("file")]
	if !ok || r.PathValue("build") != theBuild().name {
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "This file is of another version of the page: load the page again.", http.StatusNotFound)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	sendFile(w, r, f)
}

func sendFile(w http.ResponseWriter, r *http.Request, f file) {
	h, body := w.Header(), f.plain
	h.Set("Content-Type", f.kind)
	h.Add("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		if short := f.gzip(); short != nil {
			h.Set("Content-Encoding", "gzip")
			body = short
		}
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	_, _ = w.Write(body) // a client that has gone
}

// languages are those that there are texts of, the default first.
var (
	languages = []string{"en", "pt-BR"}
	matcher   = language.NewMatcher([]language.Tag{language.English, language.BrazilianPortuguese})
)

// languageCookie is what the page keeps its reader's choice in.
const languageCookie = "videosdgx_language"

// wanted is the language that the reader has chosen, else the one that the browser asks for, of those that there are.
func wanted(r *http.Request) string {
	if c, err := r.Cookie(languageCookie); err == nil && slices.Contains(languages, c.Value) {
		return c.Value
	}
	_, i := language.MatchStrings(matcher, r.Header.Get("Accept-Language"))
	return languages[i]
}
