package e2e

import (
	"os"
	"strings"
	"testing"
)

func TestManifestsAreReadAgainWhenTheyChange(t *testing.T) {
	eachDriver(t, func(t *testing.T, driver string) {
		h := newHome(t, driver)
		h.function("echo", "echo", "env: {MARK: one}\n")
		s := h.serve(t)
		marked := func(name, mark string) bool {
			a, err := s.try(t, "POST", invoke(name), `{"env":true}`)
			return err == nil && a.status == 200 && strings.Contains(string(a.body), `"MARK":"`+mark+`"`)
		}
		if !marked("echo", "one") {
			t.Fatal("the first manifest does not serve")
		}
		t.Run("new", func(t *testing.T) {
			h.function("second", "echo", "env: {MARK: second}\n")
			until(t, "the new function serves", func() bool { return marked("second", "second") })
		})
		t.Run("changed", func(t *testing.T) {
			h.function("echo", "echo", "env: {MARK: two}\n")
			until(t, "the change serves", func() bool { return marked("echo", "two") })
		})
		t.Run("broken keeps the previous serving and names file, line, field and what is allowed", func(t *testing.T) {
			h.function("echo", "echo", "env: {MARK: three}\nnetwork: host\n")
			var body string
			until(t, "the mistake is told", func() bool {
				body = string(s.do(t, "GET", "/api/v1/functions", "").want(t, 200).body)
				return strings.Contains(body, "function.yaml:5")
			})
			says(t, body, "echo/function.yaml:5: network:", "allowed: none, bridge")
			if !marked("echo", "two") {
				t.Error("the previous version does not serve any more")
			}
		})
		t.Run("never was right", func(t *testing.T) {
			h.manifest("wrong", "name: wrong\nconcurrency: many\n")
			until(t, "the mistake is answered", func() bool {
				return strings.Contains(string(s.do(t, "POST", "/fn/wrong/", "{}").body), "concurrency")
			})
			says(t, string(s.do(t, "POST", "/fn/wrong/", "{}").body), "wrong/function.yaml:2: concurrency:", "a whole number")
		})
		t.Run("mended", func(t *testing.T) {
			h.function("echo", "echo", "env: {MARK: four}\n")
			until(t, "the mended one serves", func() bool { return marked("echo", "four") })
		})
		t.Run("removed", func(t *testing.T) {
			if err := os.RemoveAll(h.path("functions", "second")); err != nil {
				t.Fatal(err)
			}
			until(t, "the function is gone", func() bool { return s.do(t, "POST", "/fn/second/", "{}").status == 404 })
			until(t, "its instances are gone", func() bool {
				for _, i := range s.instances(t) {
					if i.Function == "second" {
						return false
					}
				}
				return true
			})
		})
	})
}
