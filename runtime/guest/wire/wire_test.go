package wire

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestFrames(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJSON(&b, Invoke, InvokeHead{ID: "1", Tail: true}); err != nil {
		t.Fatal(err)
	}
	WriteFrame(&b, Data, bytes.Repeat([]byte("d"), MaxData))
	WriteFrame(&b, End, nil)
	for _, want := range []struct {
		kind Kind
		n    int
	}{{Invoke, len(`{"id":"1","deadlineMs":0,"arn":"","tail":true}`)}, {Data, MaxData}, {End, 0}} {
		if k, p, err := ReadFrame(&b, nil); k != want.kind || len(p) != want.n || err != nil {
			t.Errorf("frame %q of %d bytes, %v; want %q of %d", k, len(p), err, want.kind, want.n)
		}
	}
	if _, _, err := ReadFrame(&b, nil); err != io.EOF { //nolint:errorlint // exactly that
		t.Errorf("at the end: %v", err)
	}
}

func TestFrameLimits(t *testing.T) {
	for name, in := range map[string]string{
		"data too long": "D\x00\x04\x00\x01", "json too long": "H\x00\x10\x00\x01", "absurd": "I\xff\xff\xff\xff",
	} {
		if _, _, err := ReadFrame(strings.NewReader(in), nil); err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConfig(t *testing.T) {
	dir := t.TempDir()
	if _, err := LoadConfig(dir); err == nil {
		t.Error("a missing guest.json was read")
	}
	c := Config{Function: "f", RuntimeAPI: "127.0.0.1:0", Env: map[string]string{"A": "b"}}
	if err := c.Save(dir); err != nil {
		t.Fatal(err)
	}
	if got, err := LoadConfig(dir); err != nil || got.Function != "f" || got.Env["A"] != "b" {
		t.Errorf("%+v, %v", got, err)
	}
	if err := (Config{Function: "f"}).Save(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadConfig(dir); err == nil || !strings.Contains(err.Error(), "runtimeApi") {
		t.Errorf("without an address: %v", err)
	}
}

// FuzzReadFrame reads whatever it is given without more memory than the limits allow, and what it reads it can write.
func FuzzReadFrame(f *testing.F) {
	for _, s := range []string{"", "E\x00\x00\x00\x00", "D\x00\x00\x00\x02hi", "I\x00\x00\x00\x02{}", "X\x00\x00\x00\x09{}", "I\xff\xff\xff\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bytes.NewReader(in)
		k, p, err := ReadFrame(r, make([]byte, 0, 16))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if WriteFrame(&b, k, p); !bytes.Equal(b.Bytes(), in[:len(in)-r.Len()]) {
			t.Errorf("%q was read as %q %q", in, k, p)
		}
	})
}
