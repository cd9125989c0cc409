package main

import (
	"testing"
	"time"
)

func TestMomentsOfAStream(t *testing.T) {
	var m moments
	for i, line := range []string{
		"event: progress", `data: {"phase":"denoise","step":1,"steps":20}`, "", ": keep-alive",
		"event: progress", `data: {"phase":"denoise","step":4,"steps":20,"preview":"/9j/"}`, "",
		"event: progress", `data: {"phase":"decode","step":1,"steps":33,"preview":"/9j/"}`, "",
		"event: result", `data: {"frames":33}`, "",
	} {
		if err := m.hear(line, time.Duration(i)*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	if m.picture != 5*time.Second || m.frame != 8*time.Second || m.finished != 11*time.Second || !m.over {
		t.Errorf("%+v", m)
	}
	m.hear("event: error", 0)
	if err := m.hear(`data: {"message":"no"}`, 0); err == nil {
		t.Error("an error event passed")
	}
}
