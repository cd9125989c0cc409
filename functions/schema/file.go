package schema

import (
	"encoding/base64"
	"fmt"
	"mime"
	"slices"
	"strings"

	"github.com/videosdgx/videosdgx/internal/filekind"
)

// The ways in which a value names a file that it does not hold.
const (
	uploadPrefix = "upload:"
	filePrefix   = "file:"
)

// plainName tells whether a name has 1 to most letters, digits, _ and -, and after its first also full stops where dots is
// set. An expression that counts would take more memory than all else of this package, in every instance.
func plainName(name string, most int, dots bool) bool {
	for i, c := range []byte(name) {
		letter := c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '_' || c == '-'
		if !letter && (c != '.' || !dots || i == 0) {
			return false
		}
	}
	return name != "" && len(name) <= most
}

// FileName gives the NAME of a value "file:NAME", a file that the runtime laid beside the event; false for other values.
func FileName(value string) (name string, ok bool) {
	name, ok = strings.CutPrefix(value, filePrefix)
	return name, ok && plainName(name, 128, true)
}

// FileValue is the value for a file beside the event.
func FileValue(name string) string { return filePrefix + name }

// UploadID gives the ID of a value "upload:ID", a file that a client has sent before; false for other values.
func UploadID(value string) (id string, ok bool) {
	id, ok = strings.CutPrefix(value, uploadPrefix)
	return id, ok && plainName(id, 64, false)
}

// UploadValue is the value for an upload.
func UploadValue(id string) string { return uploadPrefix + id }

// wrong says what keeps a value from being a file; "" when nothing does.
func (f File) wrong(v string) string {
	switch {
	case strings.HasPrefix(v, filePrefix):
		if _, ok := FileName(v); !ok {
			return "names no file"
		}
		return ""
	case strings.HasPrefix(v, uploadPrefix):
		if _, ok := UploadID(v); !ok {
			return "names no upload"
		}
		return ""
	}
	_, err := f.Decode(v)
	if err != nil {
		return err.Error()
	}
	return ""
}

// Decode gives the bytes of a value that holds its file: base64, or a data: URL. The error's text follows the name of a field.
func (f File) Decode(v string) ([]byte, error) {
	if data, ok := strings.CutPrefix(v, "data:"); ok {
		head, body, _ := strings.Cut(data, ",")
		kind, ok := strings.CutSuffix(head, ";base64")
		if !ok {
			return nil, fmt.Errorf("is a data: URL without base64: write data:image/png;base64,…")
		}
		if err := f.Takes(kind); err != nil {
			return nil, err
		}
		v = body
	}
	if v == "" {
		return nil, fmt.Errorf("is empty: give a file, or leave it out")
	}
	if n := base64.StdEncoding.DecodedLen(len(v)); f.MaxBytes > 0 && int64(n) > f.MaxBytes+2 {
		return nil, f.tooLarge(int64(n))
	}
	b, err := base64.StdEncoding.DecodeString(v)
	if err != nil {
		return nil, fmt.Errorf("is not base64: send the file in standard base64")
	}
	if f.MaxBytes > 0 && int64(len(b)) > f.MaxBytes {
		return nil, f.tooLarge(int64(len(b)))
	}
	return b, nil
}

func (f File) tooLarge(n int64) error { return fmt.Errorf("has %d bytes: %d at most", n, f.MaxBytes) }

// Takes says whether a file of a media type will do, or of another name of it; none and application/octet-stream say nothing, and
// pass.
func (f File) Takes(mediaType string) error {
	kind, _, err := mime.ParseMediaType(mediaType)
	named := func(t string) bool { return t == kind || filekind.Akin(t, kind) }
	if mediaType == "" || err == nil && (kind == "application/octet-stream" || len(f.Types) == 0 || slices.ContainsFunc(f.Types, named)) {
		return nil
	}
	return fmt.Errorf("is %s: it must be %s", Show(mediaType), strings.Join(f.Types, " or "))
}
