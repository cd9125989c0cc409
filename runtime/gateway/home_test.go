package gateway_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

type others = gateway.Instances

type oneInstance struct{ others }

func (oneInstance) Instances(context.Context) ([]spec.InstanceStatus, error) {
	return []spec.InstanceStatus{{Function: "wan<b>"}}, nil
}

func TestAPersonSeesWhatRuns(t *testing.T) {
	c := &gatewaytest.Catalog{}
	if _, err := c.Put(t.Context(), spec.Function{Name: "wan<b>", Image: "x"}); err != nil {
		t.Fatal(err)
	}
	_, addr := serve(t, gateway.Options{Routes: []gateway.Routes{gateway.Home{Version: "1.2", Functions: c, Instances: oneInstance{}}}}, func(http.ResponseWriter, *http.Request) {})
	resp, err := http.Get("http://" + addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	for _, want := range []string{"VideosDGX", "version 1.2", "wan&lt;b&gt;", "1 running", "/openapi.json", "README.md"} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s is not in %s", want, b)
		}
	}
	if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") || resp.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("%s %v", resp.Status, resp.Header)
	}
	if resp, _ := ask(t, http.DefaultClient, "GET", "http://"+addr+"/other", ""); resp.StatusCode != 404 {
		t.Error(resp.Status)
	}
}
