package wire

import (
	"encoding/json"
	"reflect"
	"testing"
)

var (
	invokes = []InvokeHead{
		{}, {ID: "1", DeadlineMs: 1, ARN: "arn:aws:lambda:us-east-1:0:function:f", TraceID: "Root=1-a-b", Keep: true},
		{ID: "é", ARN: "a\"b\\c\n<&>", ClientContext: `{"a":1}`, Identity: "\x00\xff", Tail: true, CancelGraceMs: -3, Size: 1 << 62},
	}
	responses = []ResponseHead{{}, {ContentType: "application/json"}, {ContentType: "text/plain; charset=\"utf-8\"", Streaming: true, FunctionError: "Unhandled"}}
	ends      = []InvokeEnd{{}, {RunMicros: 120, Kept: true}, {FunctionError: "Unhandled", ErrorType: "a\tb", MaxMemory: 1 << 40, RunMicros: 1}}
)

// TestHeadsAreWhatJSONSays: what is written encoding/json reads, and what that writes is read.
func TestHeadsAreWhatJSONSays(t *testing.T) {
	for _, h := range invokes {
		same(t, &h, h.Append([]byte("x")), new(InvokeHead), new(InvokeHead))
	}
	for _, h := range responses {
		same(t, &h, h.Append([]byte("x")), new(ResponseHead), new(ResponseHead))
	}
	for _, e := range ends {
		same(t, &e, e.Append([]byte("x")), new(InvokeEnd), new(InvokeEnd))
	}
	whole := InvokeEnd{ErrorBody: json.RawMessage(`{"a":[1]}`), LogTail: []byte("log"), RunMicros: 7}
	b, _ := json.Marshal(whole)
	if got := new(InvokeEnd); got.Parse(b) != nil || !reflect.DeepEqual(*got, whole) || whole.Plain() {
		t.Errorf("%s was read as %+v", b, got)
	}
}

type parser interface{ Parse(b []byte) error }

func same(t *testing.T, want any, written []byte, by, again parser) {
	t.Helper()
	theirs, err := json.Marshal(want)
	if err != nil || written[0] != 'x' {
		t.Fatal(err)
	}
	if err := json.Unmarshal(theirs, want); err != nil { // bytes that are no UTF-8 are others then
		t.Fatal(err)
	}
	for _, b := range [][]byte{written[1:], theirs} {
		if err := json.Unmarshal(b, again); err != nil || !reflect.DeepEqual(again, want) {
			t.Errorf("%s is %+v to encoding/json, %v; want %+v", b, again, err, want)
		}
		if err := by.Parse(b); err != nil || !reflect.DeepEqual(by, want) {
			t.Errorf("%s was read as %+v, %v; want %+v", b, by, err, want)
		}
		reflect.ValueOf(again).Elem().SetZero()
	}
}

// FuzzParse reads whatever it is given as encoding/json does.
func FuzzParse(f *testing.F) {
	for _, h := range invokes {
		f.Add(h.Append(nil))
	}
	for _, e := range ends {
		f.Add(e.Append(nil))
	}
	for _, s := range []string{"", "{", "{}", "{}}", "null", `{"id":"a",}`, `{"id":null}`, `{"ID":"a"}`, `{"size":01}`, `{"size":-0}`, `{"size":1e3}`, `{"tail":1}`, `{"id":"a"}x`, ` {"id":"a"}`, `{"id":1}`, `{"size":""}`, `{"size":}`, `{"size":"1"}`, `{"tail":"true"}`, `{"id":"a""b":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var h, wantH InvokeHead
		var r, wantR ResponseHead
		var e, wantE InvokeEnd
		for _, x := range []struct {
			got  parser
			want any
		}{{&h, &wantH}, {&r, &wantR}, {&e, &wantE}} {
			err, want := x.got.Parse(b), json.Unmarshal(b, x.want)
			if (err == nil) != (want == nil) || err == nil && !reflect.DeepEqual(x.got, x.want) {
				t.Errorf("%q was read as %+v, %v; want %+v, %v", b, x.got, err, x.want, want)
			}
		}
	})
}

func BenchmarkHeads(b *testing.B) {
	h, r, e := invokes[1], responses[1], ends[1]
	room := make([]byte, 0, 4<<10)
	b.ReportAllocs()
	for b.Loop() {
		if h.Parse(h.Append(room)) != nil || r.Parse(r.Append(room)) != nil || e.Parse(e.Append(room)) != nil {
			b.Fatal("not read")
		}
	}
}

func BenchmarkHeadsByReflection(b *testing.B) {
	h, r, e := invokes[1], responses[1], ends[1]
	b.ReportAllocs()
	for b.Loop() {
		for _, v := range []any{&h, &r, &e} {
			text, _ := json.Marshal(v)
			if json.Unmarshal(text, v) != nil {
				b.Fatal("not read")
			}
		}
	}
}
