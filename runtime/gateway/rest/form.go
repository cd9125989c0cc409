package rest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/schema"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// isForm tells a form with files, as browsers and curl -F send it.
func isForm(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "multipart/form-data"
}

const (
	maxParts = 64
	maxText  = 1 << 20 // bytes of a part that is no file
)

// readForm reads a form: parts by the names of fields, files as they come onto the disk, or the whole request as JSON in a
// part named request and the files beside it.
func (f *files) readForm(r *http.Request, sch *schema.Schema) (*object, error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, notAForm(err)
	}
	o, seen := &object{fields: schema.Object{}}, map[string]bool{}
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return o, nil
		}
		if err == nil && n >= maxParts {
			err = fmt.Errorf("it has more than %d parts", maxParts)
		}
		if err != nil {
			return nil, notAForm(err)
		}
		name := part.FormName()
		if seen[name] {
			return nil, invalid(http.StatusBadRequest, []jobs.FieldError{{Field: schema.Pointer(name), Detail: schema.Show(name) + " is in the form more than once: send it once."}})
		}
		seen[name] = true
		if err := f.part(r, sch, o, part); err != nil {
			return nil, err
		}
	}
}

func notAForm(err error) error {
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		return err
	}
	return invalid(http.StatusBadRequest, []jobs.FieldError{{Detail: "the body is not a form that can be read: " + err.Error() + "."}})
}

func (f *files) part(r *http.Request, sch *schema.Schema, o *object, part *multipart.Part) error {
	name := part.FormName()
	p, _ := sch.Property(name)
	if p.File != nil && (part.FileName() != "" || part.Header.Get("Content-Type") != "") {
		kind, body := part.Header.Get("Content-Type"), bufio.NewReader(part)
		if _, err := body.Peek(1); errors.Is(err, io.EOF) {
			if part.FileName() != "" { // without a name it is a page's field in which no file was chosen
				o.refuse(name, "is an empty file: send one, or leave it out")
			}
			return nil
		}
		if err := p.File.Takes(kind); err != nil {
			o.refuse(name, err.Error())
			_, err := io.Copy(io.Discard, body)
			return err
		}
		u, bad, err := f.keep(r.Context(), kind, look(body), *p.File)
		if errdefs.IsOutOfRange(err) {
			return fmt.Errorf("%s: %w", name, err)
		}
		if bad != "" {
			o.refuse(name, bad)
			_, err := io.Copy(io.Discard, body)
			return err
		}
		o.fields[name] = schema.UploadValue(u.ID)
		if f.replay {
			f.known[schema.UploadValue(u.ID)] = u
		}
		return err
	}
	text, err := io.ReadAll(io.LimitReader(part, maxText+1))
	if err != nil {
		return notAForm(err)
	}
	if len(text) > maxText {
		return notAForm(fmt.Errorf("its part %q has more than %d bytes and is no file", schema.Show(name), maxText))
	}
	if name == "request" {
		return o.merge(text)
	}
	o.fields[name] = typed(string(text), p)
	return nil
}

// refuse fails a file, which is there all the same: what needs it is told nothing.
func (o *object) refuse(name, why string) {
	o.fail(schema.Pointer(name), schema.Show(name)+" "+why+".")
	o.fields[name] = schema.UploadValue("refused")
}

// merge takes the part that is the request in JSON; files and fields beside it stand.
func (o *object) merge(text []byte) error {
	all, err := parseObject(text)
	if err != nil {
		return err
	}
	for name, v := range all.fields {
		if _, there := o.fields[name]; !there {
			o.fields[name] = v
		}
	}
	return nil
}

// typed reads a form's text as what the field holds: a number where it is one, and is wanted.
func typed(text string, p schema.Property) any {
	switch {
	case p.Type == "string", p.Type == nil && !isSetting(text):
		return text
	}
	if o, err := schema.Parse([]byte(`{"v":` + text + `}`)); err == nil && len(o) == 1 {
		return o["v"]
	}
	return text
}

// isSetting tells numbers of the queue's own, whose type no model's schema knows.
func isSetting(text string) bool {
	for _, r := range text {
		if r < '0' || r > '9' {
			return false
		}
	}
	return text != ""
}
