package spec

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

const writtenJSON = `{"name":"f","timeout":"90s","initTimeout":"60000ms","keepAlive":"15m","cancelGrace":"0.5s","deviceMemory":"24Gi",
"limits":{"memory":"512Mi","scratch":"1.5GiB","payload":"6MB","pids":7},"url":{"invokeMode":"BUFFERED","cors":{"maxAge":"120m","allowOrigins":["*"]}},"async":{"maxAge":"6h"}}`

// TestUnitsAreEchoedAsWritten: what somebody wrote comes back, and what has changed since does not.
func TestUnitsAreEchoedAsWritten(t *testing.T) {
	var f Function
	if err := json.Unmarshal([]byte(writtenJSON), &f); err != nil {
		t.Fatal(err)
	}
	if f.Limits.Memory != 512<<20 || f.KeepAlive.D() != 15*time.Minute || f.DeviceMemory != 24<<30 || f.Limits.PIDs != 7 {
		t.Errorf("%+v", f)
	}
	echo := func() string {
		b, err := json.Marshal(struct{ Function Function }{f})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	for _, want := range []string{
		`"timeout":"90s"`, `"initTimeout":"60000ms"`, `"keepAlive":"15m"`, `"cancelGrace":"0.5s"`, `"deviceMemory":"24Gi"`, `"memory":"512Mi"`, `"scratch":"1.5GiB"`,
		`"payload":"6MB"`, `"pids":7`, `"maxAge":"120m"`, `"maxAge":"6h"`, `"allowOrigins":["*"]`, `"name":"f"`, `"invokeMode":"BUFFERED"`,
	} {
		if strings.Count(echo(), want) != 1 {
			t.Errorf("%s is not there once: %s", want, echo())
		}
	}
	var again Function
	if b, _ := json.Marshal(f); json.Unmarshal(b, &again) != nil || again.Written["limits.memory"] != "512Mi" || len(again.Written) != len(f.Written) {
		t.Errorf("%v, then %v", f.Written, again.Written)
	}
	f.Limits.Memory, f.KeepAlive = 1<<30, Duration(time.Hour)
	if got := echo(); !strings.Contains(got, `"memory":"1GiB"`) || !strings.Contains(got, `"keepAlive":"1h0m0s"`) || !strings.Contains(got, `"scratch":"1.5GiB"`) {
		t.Error(got)
	}
}

// TestUnitsNobodyWrote have one form, and the JSON of such a function the fields that it has always had.
func TestUnitsNobodyWrote(t *testing.T) {
	f := Function{Name: "f", Timeout: Duration(15 * time.Minute)}
	got, _ := json.Marshal(f)
	want, _ := json.Marshal(plain(f))
	if string(got) != string(want) || !strings.Contains(string(got), `"timeout":"15m0s"`) {
		t.Errorf("%s", got)
	}
	for _, bad := range []string{`{"timeout":15}`, `{"limits":{"memory":"lots"}}`, `[]`} {
		if err := json.Unmarshal([]byte(bad), new(Function)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}
