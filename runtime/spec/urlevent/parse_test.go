package urlevent

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"
)

// reference is Parse by means of encoding/json, which holds all of an answer.
func reference(b []byte) (head Head, body []byte, formatted bool, err error) {
	var v struct {
		StatusCode, Body, IsBase64Encoded, Headers, MultiValueHeaders, Cookies json.RawMessage
	}
	var code Status
	if json.Unmarshal(b, &v) != nil || v.StatusCode == nil || json.Unmarshal(v.StatusCode, &code) != nil {
		return Head{StatusCode: 200}, b, false, nil
	}
	var coded bool
	head.StatusCode = int(code)
	for _, f := range []struct {
		raw json.RawMessage
		to  any
	}{{v.Headers, &head.Headers}, {v.MultiValueHeaders, &head.MultiValueHeaders}, {v.Cookies, &head.Cookies}, {v.IsBase64Encoded, &coded}} {
		if f.raw != nil {
			err = errors.Join(err, json.Unmarshal(f.raw, f.to))
		}
	}
	if code < 200 || code > 599 {
		err = errors.Join(err, ErrAnswer)
	}
	var text string
	if v.Body == nil || string(v.Body) == "null" {
		return head, nil, true, err
	}
	if json.Unmarshal(v.Body, &text) != nil {
		return head, v.Body, true, err
	}
	body = []byte(text)
	if coded {
		var derr error
		encoding := base64.StdEncoding
		if !strings.Contains(text, "=") {
			encoding = base64.RawStdEncoding
		}
		body, derr = encoding.DecodeString(text)
		err = errors.Join(err, derr)
	}
	return head, body, true, err
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"statusCode":200,"body":"a\u00e9\ud83d\ude00\ud83d x\n\"\\\/","headers":{"a":1,"b":null}}`, `{"body":"aGk=","isBase64Encoded":true,"statusCode":"201","cookies":["a"]}`,
		`{"body":{"a":[1,2,{"b":"c"}]},"statusCode":200}`, `{"a":[1,-2.5e3,true,false,null],"statusCode":404}`, ` { } `, `[{"statusCode":1}]`, `"x"`, `{"statusCode":99}`,
		`{"statusCode":200,"headers":"x"}`, `{"STATUSCODE":200,"Body":"a","body":"b"}`, `{"statusCode":200}x`, `{"statusCode":200,"body":"\ud800\u0041"}`, `{"statusCode":200,"body":"aGk","isBase64Encoded":true}`, `{"statusCode":200,"body":"aGk=\n=","isBase64Encoded":true}`, `{"statusCode":200,"body":"aGk=aGk=","isBase64Encoded":true}`, `{"statusCode":200,"body":"a=\n==","isBase64Encoded":true}`,
		`{"statusCode":01}`, `{"statusCode":200,}`, `{"statusCode":200,"body":"` + "\x01" + `"}`, `{"\u0073tatusCode":200}`, `{"statusCode":200,"body":"\uD83D\\uDE00"}`, `{`, ``,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		if !utf8.Valid(in) || bytes.Contains(bytes.ToLower(in), []byte("body")) && bytes.Count(bytes.ToLower(in), []byte("body")) > 1 {
			return // bytes pass as they are; of names that differ in case encoding/json takes the last as well, but keeps what does not fit
		}
		a, err := Parse(bytes.NewReader(in), int64(len(in)))
		head, body, formatted, want := reference(in)
		if (err == nil) != (want == nil) {
			t.Fatalf("%q: %v, want %v", in, err, want)
		}
		if err != nil {
			return
		}
		got, rerr := io.ReadAll(iotest.OneByteReader(a.Body.Open()))
		size, serr := a.Body.Size()
		if rerr != nil || serr != nil || !bytes.Equal(got, body) || size != int64(len(got)) || a.Formatted != formatted || a.StatusCode != head.StatusCode {
			t.Fatalf("%q: %d %q of %d %v %v, want %d %q", in, a.StatusCode, got, size, rerr, serr, head.StatusCode, body)
		}
		if formatted && (!maps.Equal(a.Headers, head.Headers) || !slices.Equal(a.Cookies, head.Cookies)) {
			t.Fatalf("%q: %+v, want %+v", in, a.Head, head)
		}
	})
}

// TestParseHoldsLittle: an answer of 64 MiB is interpreted and decoded without memory for it.
func TestParseHoldsLittle(t *testing.T) {
	unit := strings.Repeat("YWFh", 16<<10)
	src := func(tail string) io.ReaderAt {
		return &pattern{head: `{"body":"`, unit: unit, n: 64 << 20, tail: tail}
	}
	for tail, want := range map[string]int64{`","isBase64Encoded":true,"statusCode":200}`: 48 << 20, `","statusCode":200}`: 64 << 20} {
		size := int64(len(`{"body":"`)+len(tail)) + 64<<20
		var got int64
		allocated := testing.AllocsPerRun(1, func() {
			a, err := Parse(src(tail), size)
			if err != nil {
				t.Fatal(err)
			}
			got, _ = io.Copy(io.Discard, a.Body.Open())
		})
		if got != want || allocated > 200 {
			t.Errorf("%d bytes, %v allocations", got, allocated)
		}
	}
}

// pattern is a long text that is not there.
type pattern struct {
	head, unit, tail string
	n                int64
}

func (p *pattern) ReadAt(b []byte, off int64) (n int, err error) {
	for n < len(b) {
		at := off + int64(n)
		switch body := at - int64(len(p.head)); {
		case body < 0:
			n += copy(b[n:], p.head[at:])
		case body < p.n:
			n += copy(b[n:min(int64(len(b)), int64(n)+p.n-body)], p.unit[body%int64(len(p.unit)):])
		case body-p.n < int64(len(p.tail)):
			n += copy(b[n:], p.tail[body-p.n:])
		default:
			return n, io.EOF
		}
	}
	return n, nil
}

func TestAFieldThatIsTooLongIsRefused(t *testing.T) {
	in := []byte(`{"statusCode":200,"headers":{"a":"` + strings.Repeat("x", maxField) + `"}}`)
	if _, err := Parse(bytes.NewReader(in), int64(len(in))); !errors.Is(err, ErrAnswer) {
		t.Error(err)
	}
	deep := []byte(strings.Repeat("[", maxDepth+10) + strings.Repeat("]", maxDepth+10))
	deep = append([]byte(`{"statusCode":200,"x":`), append(deep, '}')...)
	if a, err := Parse(bytes.NewReader(deep), int64(len(deep))); err != nil || a.Formatted {
		t.Errorf("%+v, %v", a.Head, err)
	}
	broken := io.NewSectionReader(readerAt{}, 0, 100)
	if _, err := Parse(broken, 100); err == nil || errors.Is(err, ErrAnswer) {
		t.Error("a read error is no answer:", err)
	}
}

type readerAt struct{}

func (readerAt) ReadAt([]byte, int64) (int, error) { return 0, errors.New("disk") }
