package rest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/schema"
	"github.com/videosdgx/videosdgx/internal/filekind"
	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/jobs"
)

// files turns the values of a request that hold files into files beside the function's event: an event is no place for
// megabytes in base64. What was sent with the request itself is dropped when its jobs have their links.
type files struct {
	jobs  *jobs.Service
	owner string
	sent  []string // uploads that came with the request
	vet   func(ctx context.Context, client string, texts map[string]string) (field, problem string, err error)
	// versions says whether a model's function has a version; nil: it has all
	versions func(ctx context.Context, model, version string) error
	// loras says what is wrong with the LoRAs that a request asks a model for; nil: nothing
	loras  func(ctx context.Context, model string, list any) (problem string, err error)
	replay bool                   // the request was made before: nothing is kept of it
	known  map[string]jobs.Upload // by value: a batch says the same picture many times
}

func (a *API) files(owner string) *files {
	f := &files{jobs: a.o.Jobs, owner: owner, vet: a.o.Vet, known: map[string]jobs.Upload{}}
	if a.o.Versions != nil {
		f.versions = func(ctx context.Context, model, version string) error {
			m, err := a.o.Models.Model(ctx, model)
			if err == nil {
				err = a.o.Versions(ctx, m.Function, version)
			}
			return err
		}
	}
	if a.o.CheckLoRAs != nil {
		f.loras = func(ctx context.Context, model string, list any) (string, error) {
			m, err := a.o.Models.Model(ctx, model)
			if err != nil {
				return "", err
			}
			return a.o.CheckLoRAs(ctx, m.Function, list)
		}
	}
	return f
}

// base begins a submission, and finds out whether it was made before; tail is what a batch puts behind its key.
func (f *files) base(r *http.Request, m jobs.Model, tail string) (s jobs.Submit, err error) {
	s = jobs.Submit{Model: m.Name, Client: f.owner, Key: r.Header.Get("Idempotency-Key")}
	if s.Key != "" && len(s.Key)+len(tail) <= jobs.MaxKey {
		f.replay, err = f.jobs.Replays(r.Context(), f.owner, s.Key+tail)
	}
	s.Replay = f.replay
	return s, err
}

// drop lets go of what the request brought.
func (f *files) drop() {
	for _, id := range f.sent {
		_ = f.jobs.DropUpload(id) // it expires
	}
}

// keep stores a file that came with the request; bad says, after the field's name, what is wrong with it, and nothing is kept.
func (f *files) keep(ctx context.Context, contentType string, r incoming, p schema.File) (u jobs.Upload, bad string, err error) {
	if bad = r.misfit(contentType, p); bad != "" && !f.replay { // what was taken once is taken again
		return u, bad, nil
	}
	most := p.MaxBytes
	if most == 0 {
		most = maxFile
	}
	contentType = r.typeOf(contentType)
	if f.replay {
		u, err = jobs.Weigh(contentType, r, most)
		return u, "", err
	}
	if u, err = f.jobs.Upload(ctx, f.owner, contentType, r, most); err == nil {
		f.sent = append(f.sent, u.ID)
	}
	return u, "", err
}

// maxFile bounds a file where the model does not.
const maxFile = 256 << 20

// ask makes a submission's request of what the client sent: what the schema draws is drawn, so that every attempt gives the
// same clip, files lie beside the event, and the record keeps all but them.
func (f *files) ask(ctx context.Context, s jobs.Submit, sch *schema.Schema, fields schema.Object) (jobs.Submit, []jobs.FieldError, error) {
	if bad, err := f.vetted(ctx, sch, fields); err != nil || bad != nil {
		return s, bad, err
	}
	if bad, err := f.served(ctx, s); err != nil || bad != nil {
		return s, bad, err
	}
	if bad, err := f.adapted(ctx, s, sch, fields); err != nil || bad != nil {
		return s, bad, err
	}
	given, full := maps.Clone(fields), maps.Clone(fields)
	for _, name := range sch.Files() {
		value := fields.Text(name)
		if value == "" {
			continue
		}
		p, _ := sch.Property(name)
		u, bad, err := f.find(ctx, value, *p.File)
		if err != nil {
			return s, nil, err
		}
		if bad != "" {
			return s, []jobs.FieldError{{Field: name, Detail: name + " " + bad + "."}}, nil
		}
		given[name] = "sha256:" + u.SHA256
		if f.replay {
			delete(full, name) // an event nobody gets
			continue
		}
		if !p.File.Inline {
			full[name] = schema.FileValue(u.ID)
			s.Inputs = append(s.Inputs, u.ID)
		} else if full[name], err = f.inline(u); err != nil {
			return s, nil, err
		}
	}
	s.Given = given.JSON()
	sch.Draw(full)
	s.Request = full.JSON()
	for _, name := range sch.Files() {
		if full.Text(name) != "" {
			s.Left = append(s.Left, name)
		}
		delete(full, name)
	}
	s.Kept, s.Work = full.JSON(), work(sch, full)
	return s, nil, nil
}

// served asks whether there is the version that a request wants.
func (f *files) served(ctx context.Context, s jobs.Submit) ([]jobs.FieldError, error) {
	if s.Qualifier == "" || f.versions == nil {
		return nil, nil
	}
	err := f.versions(ctx, s.Model, s.Qualifier)
	if errdefs.IsNotFound(err) {
		return []jobs.FieldError{{Field: "version", Detail: "version cannot be served: " + gateway.Sentence(err) + "."}}, nil
	}
	return nil, err
}

// adapted asks whether there are the LoRAs that a request to a model of the server's own asks for.
func (f *files) adapted(ctx context.Context, s jobs.Submit, sch *schema.Schema, fields schema.Object) ([]jobs.FieldError, error) {
	list, _ := fields[lorasField].([]any)
	if _, takes := sch.Property(lorasField); !takes || len(list) == 0 || f.loras == nil || f.replay || s.Qualifier != "" {
		return nil, nil
	}
	problem, err := f.loras(ctx, s.Model, list)
	if err != nil || problem == "" {
		return nil, err
	}
	return []jobs.FieldError{{Field: lorasField, Detail: problem + "."}}, nil
}

// lorasField is what requests call the LoRAs that they ask for.
const lorasField = "loras"

// vetted asks whether the request's texts are taken.
func (f *files) vetted(ctx context.Context, sch *schema.Schema, fields schema.Object) ([]jobs.FieldError, error) {
	if f.vet == nil {
		return nil, nil
	}
	texts := map[string]string{}
	for name, v := range fields {
		if text, ok := v.(string); ok && !slices.Contains(sch.Files(), name) {
			texts[name] = text
		}
	}
	field, problem, err := f.vet(ctx, f.owner, texts)
	if err != nil || problem == "" {
		return nil, err
	}
	return []jobs.FieldError{{Field: schema.Pointer(field), Detail: schema.Show(field) + " " + problem + "."}}, nil
}

// find gives the upload that a value is, or names; bad says, after the field's name, what is wrong with it.
func (f *files) find(ctx context.Context, value string, p schema.File) (u jobs.Upload, bad string, err error) {
	if _, ok := schema.FileName(value); ok {
		return u, "names a file of the runtime's own: send the file, or upload it", nil
	}
	if u, ok := f.known[value]; ok {
		return u, "", nil
	}
	if id, ok := schema.UploadID(value); ok {
		if u, err = f.jobs.FindUpload(f.owner, id); errdefs.IsNotFound(err) {
			return u, "cannot be found: " + gateway.Sentence(err), nil
		}
		if terr := p.Takes(u.ContentType); err == nil && terr != nil {
			return u, terr.Error(), nil
		}
		if err == nil && p.MaxBytes > 0 && u.Size > p.MaxBytes {
			return u, fmt.Sprintf("has %d bytes: %d at most", u.Size, p.MaxBytes), nil
		}
		if err == nil && !f.replay {
			bad, err = f.looked(u, p)
		}
	} else {
		raw, derr := p.Decode(value)
		if derr != nil {
			return u, derr.Error(), nil
		}
		u, bad, err = f.keep(ctx, dataType(value), look(bufio.NewReader(bytes.NewReader(raw))), p)
	}
	if err == nil && bad == "" {
		f.known[value] = u
	}
	return u, bad, err
}

// looked is misfit of an upload.
func (f *files) looked(u jobs.Upload, p schema.File) (bad string, err error) {
	file, err := f.jobs.OpenUpload(u)
	if err != nil {
		return "", err
	}
	defer file.Close()
	return look(bufio.NewReaderSize(file, filekind.Most)).misfit(u.ContentType, p), nil
}

// inline is an upload as a function takes it that knows no files.
func (f *files) inline(u jobs.Upload) (string, error) {
	file, err := f.jobs.OpenUpload(u)
	if err != nil {
		return "", err
	}
	defer file.Close()
	b, err := io.ReadAll(file)
	if err != nil {
		return "", errors.Join(err, errdefs.ErrInternal)
	}
	return base64.StdEncoding.EncodeToString(b), nil
}
