package urlevent

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestRequestRoundTrip(t *testing.T) {
	r := New("id-1", "POST", "/generate", map[string]string{"Accept": "video/mp4"}, []byte(`{"prompt":"é"}`), time.Unix(1, 0))
	b := r.Encode()
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	if m["version"] != "2.0" || m["body"] != `{"prompt":"é"}` || m["headers"].(map[string]any)["accept"] != "video/mp4" {
		t.Fatalf("unexpected event: %s", b)
	}
	r = New("id-2", "POST", "/", nil, []byte{0xff, 0}, time.Unix(1, 0))
	if !r.IsBase64Encoded || r.Body != "/wA=" {
		t.Fatalf("binary body: %q, %v", r.Body, r.IsBase64Encoded)
	}
	if r.SetBody([]byte("hi"), true); !r.IsBase64Encoded || r.Body != "aGk=" {
		t.Fatalf("text of a binary type: %q, %v", r.Body, r.IsBase64Encoded)
	}
}

func TestReadPrelude(t *testing.T) {
	body := "ab\x00\x00cd"
	in := `{"statusCode":201,"headers":{"content-type":"video/mp4"}}` + strings.Repeat("\x00", 8) + body
	h, r, err := readPrelude(iotest.OneByteReader(strings.NewReader(in)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err != nil || string(got) != body || h.StatusCode != 201 || h.Headers["content-type"] != "video/mp4" {
		t.Fatalf("head %+v, body %q, %v", h, got, err)
	}
}

func TestReadPreludeRefuses(t *testing.T) {
	for _, in := range []string{"", "{}", "{}\x00\x00", "{}\x00\x00\x00\x00\x00\x00\x00x", "no\x00\x00\x00\x00\x00\x00\x00\x00", strings.Repeat("a", MaxPrelude+1)} {
		if _, _, err := readPrelude(strings.NewReader(in)); !errors.Is(err, ErrPrelude) {
			t.Errorf("%.20q: %v, want ErrPrelude", in, err)
		}
	}
	if _, _, err := readPrelude(strings.NewReader(`{"statusCode":7}` + strings.Repeat("\x00", 8))); err == nil {
		t.Error("status 7 was taken")
	}
}

func TestParseBuffered(t *testing.T) {
	h, b, err := parseBuffered([]byte(`{"statusCode":400,"headers":{"content-type":"application/problem+json"},"body":"aGk=","isBase64Encoded":true}`))
	if err != nil || h.StatusCode != 400 || string(b) != "hi" {
		t.Fatalf("%+v %q %v", h, b, err)
	}
	h, b, err = parseBuffered([]byte(`{"statusCode":"404","headers":{"n":1000000,"yes":true,"none":null,"s":"t"},"body":"x"}`))
	if want := (Headers{"n": "1000000", "yes": "true", "s": "t"}); err != nil || h.StatusCode != 404 || !maps.Equal(h.Headers, want) || string(b) != "x" {
		t.Fatalf("%+v %q %v", h, b, err)
	}
	if h, b, err = parseBuffered([]byte(`{"a":1}`)); err != nil || h.StatusCode != 200 || string(b) != `{"a":1}` {
		t.Fatalf("%+v %q %v", h, b, err)
	}
	for coded, want := range map[string]string{"aGk=": "hi", "aGk": "hi", `aGk\n=\n`: "hi", "aA==": "h", `aA=\r\n=`: "h", "aA": "h", "": ""} {
		if _, b, err = parseBuffered([]byte(`{"statusCode":200,"body":"` + coded + `","isBase64Encoded":true}`)); err != nil || string(b) != want {
			t.Errorf("%q: %q %v", coded, b, err)
		}
	}
	for _, broken := range []string{"*", "a", "a===", "aA=", "aGk==", "aGk=aGk=", "=", "==", "====", "aGk=a", "aGkh="} {
		if _, _, err = parseBuffered([]byte(`{"statusCode":200,"body":"` + broken + `","isBase64Encoded":true}`)); err == nil {
			t.Errorf("%q is no base64 and was taken", broken)
		}
	}
}

func FuzzSplitPrelude(f *testing.F) {
	zero := string(delimiter)
	for _, s := range []string{`{"statusCode":200}` + zero + "body", zero, "{}" + zero[:7], "{}" + zero[:3] + "x", "", "{", strings.Repeat("x", MaxPrelude+1) + zero} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		head, err := SplitPrelude(bufio.NewReaderSize(bytes.NewReader(b), 16))
		at := bytes.IndexByte(b, 0)
		well := at >= 0 && at <= MaxPrelude && bytes.HasPrefix(b[at:], delimiter)
		if well != (err == nil) || well && !bytes.Equal(head, b[:at]) {
			t.Fatalf("%q: %q %v", b, head, err)
		}
		if err != nil && !errors.Is(err, ErrPrelude) {
			t.Fatalf("%v is not ErrPrelude", err)
		}
	})
}

func FuzzReadPrelude(f *testing.F) {
	f.Add([]byte("{\"statusCode\":200}\x00\x00\x00\x00\x00\x00\x00\x00body"))
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("{"))
	f.Fuzz(func(t *testing.T, in []byte) {
		h, r, err := readPrelude(bytes.NewReader(in))
		if err != nil {
			return
		}
		rest, err := io.ReadAll(r)
		if err != nil || !bytes.HasSuffix(in, rest) || h.StatusCode < 100 {
			t.Fatalf("head %+v, %d bytes, %v", h, len(rest), err)
		}
	})
}
