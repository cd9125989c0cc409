package main

import (
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/client"
)

func TestMomentsOfAStream(t *testing.T) {
	var m moments
	for i, e := range []client.Event{
		{Type: "progress", Data: []byte(`{"phase":"denoise","step":1,"steps":20}`)},
		{Type: "progress", Data: []byte(`{"phase":"denoise","step":4,"steps":20,"preview":"/9j/"}`)},
		{Type: "progress", Data: []byte(`{"phase":"decode","step":1,"steps":33,"preview":"/9j/"}`)},
		{Type: "result", Data: []byte(`{"frames":33}`)},
	} {
		if err := m.hear(e, time.Duration(i)*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if m.picture != time.Second || m.frame != 2*time.Second || m.finished != 3*time.Second || !m.over {
		t.Errorf("%+v", m)
	}
	if err := m.hear(client.Event{Type: "error", Data: []byte(`{"message":"no"}`)}, 0); err == nil {
		t.Error("an error event passed")
	}
}
