package urlevent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

// asJSON is what encoding/json makes of an event.
func asJSON(t *testing.T, r *Request) string {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// TestEncodeIsEncodingJSON: with every byte, pair of surrogates and line end in every field, with members that are left out, and
// for events of random text.
func TestEncodeIsEncodingJSON(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	odd := []string{"", "plain", string(all), "<a href=\"x\">&</a>\u2028\u2029\u202a", "\xe2\x80", "é€𝄞\ufffd", "\xed\xa0\x80", strings.Repeat("\x7f\\", 3)}
	for i, s := range odd {
		r := New(s, s, s, map[string]string{s: s, "b": s, "a": odd[(i+1)%len(odd)]}, []byte(s), time.UnixMilli(int64(i)))
		r.Query, r.RawQueryString = map[string]string{s: s}, s
		r.Cookies = odd[:i]
		r.Body = s
		same(t, &r)
	}
	same(t, &Request{})
	same(t, &Request{Headers: map[string]string{}, Query: map[string]string{}, Cookies: []string{}})
	draw := rand.New(rand.NewPCG(1, 2))
	runes := []rune("az09\"\\/<>&\x00\x1f\t\r\né\u2028€𝄞\ufffd")
	for range 2000 {
		text := func() string {
			var b strings.Builder
			for range draw.IntN(12) {
				if r := runes[draw.IntN(len(runes))]; draw.IntN(9) > 0 {
					b.WriteRune(r)
				} else {
					b.WriteByte(byte(draw.IntN(256)))
				}
			}
			return b.String()
		}
		r := Begin(text(), text(), text(), text(), HTTP{text(), text(), text(), text(), text()}, time.UnixMilli(draw.Int64N(1e13)))
		for range draw.IntN(40) {
			r.Headers[text()] = text()
		}
		r.SetBody([]byte(text()), draw.IntN(2) == 0)
		same(t, &r)
	}
}

func same(t *testing.T, r *Request) {
	t.Helper()
	if got, want := string(r.Encode()), asJSON(t, r); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestEncodeKnowsEveryField: one that is added to the structs must not stay out of the event.
func TestEncodeKnowsEveryField(t *testing.T) {
	var fill func(v reflect.Value)
	n := 0
	fill = func(v reflect.Value) {
		n++
		switch v.Kind() {
		case reflect.String:
			v.SetString(fmt.Sprint("v", n))
		case reflect.Int64:
			v.SetInt(int64(n))
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Slice:
			v.Set(reflect.ValueOf([]string{"x", "y"}))
		case reflect.Map:
			v.Set(reflect.ValueOf(map[string]string{"k": "v"}))
		case reflect.Struct:
			for i := range v.NumField() {
				fill(v.Field(i))
			}
		default:
			t.Fatalf("a field of kind %s", v.Kind())
		}
	}
	var r Request
	fill(reflect.ValueOf(&r).Elem())
	same(t, &r)
}
