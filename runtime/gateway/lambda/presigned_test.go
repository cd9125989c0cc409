package lambda_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// presign makes a URL as AWS's own signer does.
func presign(t *testing.T, method, url, body, secret string, header map[string]string, at time.Time) string {
	t.Helper()
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		r.Header.Set(k, v)
	}
	sum := sha256.Sum256([]byte(body))
	signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: secret, SessionToken: "token"}, r,
		hex.EncodeToString(sum[:]), "lambda", "us-east-1", at)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestAPresignedURLIsGoodForWhatWasSigned(t *testing.T) {
	b := newBench(t, gatewaytest.Echo, withKeys)
	b.add(t, spec.Function{Name: "echo"})
	invoke, now := b.url+"/2015-03-31/functions/echo:$LATEST/invocations?X-Amz-Expires=60", time.Now()
	good := presign(t, "POST", invoke, `{"a":1}`, "secret", nil, now)
	for name, c := range map[string]struct {
		method, url, body string
		status            int
		kind              string
	}{
		"good":            {"POST", good, `{"a":1}`, 200, ""},
		"a get":           {"GET", presign(t, "GET", b.url+"/2015-03-31/functions/?MaxItems=3&X-Amz-Expires=60", "", "secret", nil, now), "", 200, ""},
		"its headers":     {"POST", presign(t, "POST", invoke, `{}`, "secret", map[string]string{"X-Amz-Invocation-Type": "DryRun"}, now), `{}`, 204, ""},
		"another body":    {"POST", good, `{"a":2}`, 403, "InvalidSignatureException"},
		"another path":    {"POST", strings.Replace(good, "echo", "other", 1), `{"a":1}`, 403, "InvalidSignatureException"},
		"longer":          {"POST", strings.Replace(good, "Expires=60", "Expires=600", 1), `{"a":1}`, 403, "InvalidSignatureException"},
		"one more":        {"POST", good + "&Qualifier=1", `{"a":1}`, 403, "InvalidSignatureException"},
		"wrong secret":    {"POST", presign(t, "POST", invoke, `{}`, "other", nil, now), `{}`, 403, "InvalidSignatureException"},
		"expired":         {"POST", presign(t, "POST", invoke, `{}`, "secret", nil, now.Add(-2*time.Minute)), `{}`, 403, "InvalidSignatureException"},
		"long ago, good":  {"POST", presign(t, "POST", strings.Replace(invoke, "=60", "=7200", 1), `{}`, "secret", nil, now.Add(-time.Hour)), `{}`, 200, ""},
		"not yet":         {"POST", presign(t, "POST", invoke, `{}`, "secret", nil, now.Add(time.Hour)), `{}`, 403, "InvalidSignatureException"},
		"for ever":        {"POST", presign(t, "POST", strings.Replace(invoke, "=60", "=700000", 1), `{}`, "secret", nil, now), `{}`, 403, "IncompleteSignatureException"},
		"another service": {"POST", strings.Replace(good, "Algorithm=AWS4-HMAC-SHA256", "Algorithm=AWS3", 1), `{"a":1}`, 403, "IncompleteSignatureException"},
	} {
		r, err := http.NewRequest(c.method, c.url, bytes.NewReader([]byte(c.body)))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		said, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != c.status || resp.Header.Get("X-Amzn-Errortype") != c.kind {
			t.Errorf("%s: %d %s, want %d %s: %s", name, resp.StatusCode, resp.Header.Get("X-Amzn-Errortype"), c.status, c.kind, said)
		}
	}
}
