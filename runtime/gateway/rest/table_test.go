package rest

import (
	"context"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/jobs/jobstest"
	"github.com/videosdgx/videosdgx/runtime/jobs/usage"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestNoCellIsAFormula: what others have written opens as text in a spreadsheet.
func TestNoCellIsAFormula(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "ana": "ana", "a=b": "a=b", "…": "…", "joão": "joão",
		`=HYPERLINK("http://x","y")`: `'=HYPERLINK("http://x","y")`, "+1": "'+1", "-2+3": "'-2+3", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1", "  =1": "'  =1", "\ufeff=1": "'\ufeff=1", "＝1": "'＝1", "|calc": "'|calc",
	} {
		if got := cell(text); got != want {
			t.Errorf("%q becomes %q", text, got)
		}
	}
	r := newRig(t, func(context.Context, jobstest.Call) (*spec.Result, error) {
		return jobstest.Stream(422, "application/problem+json", []byte(`{"detail":"=cmd|' /C calc'!A0, \"said\"\nit"}`)), nil
	})
	r.generate(`{"prompt":"p"}`, "Prefer", "wait=20", "X-Client-Id", "ana")
	table := func(by string) [][]string {
		t.Helper()
		resp, b := r.do("GET", r.url+"/v1/analytics?by="+by, "", "Accept", "text/csv")
		rows, err := csv.NewReader(strings.NewReader(string(b))).ReadAll()
		if err != nil || resp.StatusCode != 200 || len(rows) < 2 {
			t.Fatalf("%s: %v %s %s", by, err, resp.Status, b)
		}
		return rows
	}
	if rows := table("failure"); !strings.HasPrefix(rows[1][1], "'=cmd|") || rows[1][2] != "1" || len(rows[1]) != len(rows[0]) {
		t.Errorf("%q", rows)
	}
	for by, want := range map[string]string{"client": "ana", "model": "wan21"} {
		if rows := table(by); rows[0][0] != by || rows[1][0] != want || rows[1][3] != "1" {
			t.Errorf("%s: %q", by, rows)
		}
	}
	if rows := table("hour"); len(rows) != 25 || rows[24][0] != "23" {
		t.Errorf("%q", rows)
	}
	r.problem(400, "GET", "/v1/analytics?by=colour", "", "Accept", "text/csv")
	r.problem(400, "GET", "/v1/analytics?by=", "")
}

// TestUsageIsOfTheReadersDays: days and hours are those of ?zone=.
func TestUsageIsOfTheReadersDays(t *testing.T) {
	r := newRig(t, nil)
	_, b := r.do("GET", r.url+"/v1/analytics?span=7d&zone=Asia/Tokyo", "") // of an empty store
	if got := parse[usage.Report](t, b); got.Total.Jobs != 0 || len(got.Over) != 28 || got.Models == nil || got.Failures == nil || len(got.Hours) != 24 {
		t.Errorf("%s", b)
	}
	r.generate(`{"prompt":"good"}`, "Prefer", "wait=20")
	for _, name := range []string{"", "UTC", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, span := range []string{"24h", "7d", "30d"} {
			_, b := r.do("GET", r.url+"/v1/analytics?span="+span+"&zone="+name, "")
			got := parse[usage.Report](t, b)
			if got.Total.Jobs != 1 {
				t.Fatalf("%s, %s: %s", name, span, b)
			}
			if first := got.Over[0].Start.In(zone); first.Minute() != 0 || span == "30d" && first.Hour() != 0 || span == "7d" && first.Hour()%6 != 0 {
				t.Errorf("%s, %s: the first step begins at %s", name, span, first)
			}
			if _, off := got.Over[0].Start.Zone(); fmt.Sprint(off) != fmt.Sprint(offset(got.Over[0].Start.In(zone))) {
				t.Errorf("%s: told as %s", name, got.Over[0].Start)
			}
			now := time.Now().In(zone).Hour()
			if got.Hours[now].Jobs+got.Hours[(now+23)%24].Jobs != 1 {
				t.Errorf("%s: it is %d o'clock, and they ended %+v", name, now, got.Hours)
			}
		}
	}
	for _, bad := range []string{"Mars/Base", "Local", "../../etc/passwd", "/etc/localtime"} {
		r.problem(404, "GET", "/v1/analytics?zone="+bad, "")
	}
}

func offset(t time.Time) int {
	_, off := t.Zone()
	return off
}
