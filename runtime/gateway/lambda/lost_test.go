package lambda_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
)

// TestNothingIsLostSilently: what a function cannot have is refused with what does the same here, and made is then nothing.
func TestNothingIsLostSilently(t *testing.T) {
	addr := "http://" + finishing(t, gatewaytest.Echo)
	for field, want := range map[string]int{
		`"DeadLetterConfig":{"TargetArn":"arn:aws:sqs:us-east-1:1:q"}`: 400, `"VpcConfig":{"SubnetIds":["s"]}`: 400, `"Layers":["arn:l"]`: 400, `"KMSKeyArn":"arn:k"`: 400,
		`"TracingConfig":{"Mode":"Active"}`: 400, `"Architectures":["sparc"]`: 400, `"SnapStart":{"ApplyOn":"PublishedVersions"}`: 400, `"FileSystemConfigs":[{}]`: 400,
		`"Environment":{"Variables":{"AWS_REGION":"x"}}`: 400, `"Environment":{"Variables":{"A":"b","_HANDLER":"x","LAMBDA_TASK_ROOT":"y"}}`: 400,
		`"LoggingConfig":{"LogFormat":"JSON"}`: 400, `"Runtime":"python3.13"`: 400, `"DurableConfig":{"ExecutionTimeout":3}`: 400, `"ImageConfig":{"Entrypoints":["/a"]}`: 400,
		`"VpcConfig":{"SubnetIds":[],"SecurityGroupIds":[],"Ipv6AllowedForDualStack":false},"Layers":[],"TracingConfig":{"Mode":"PassThrough"},"SnapStart":{"ApplyOn":"None"},"DeadLetterConfig":{},"LoggingConfig":{"LogFormat":"Text"}`: 200,
	} {
		for path, method := range map[string]string{"/2015-03-31/functions": "POST", "/2015-03-31/functions/f/configuration": "PUT"} {
			body, ok := `{`+field+`}`, want
			if method == "POST" {
				body = `{"FunctionName":"new","Code":{"ImageUri":"x"},"Role":"arn:r",` + field + `}`
				if want == 200 {
					ok = 201
				}
			}
			r, _ := http.NewRequestWithContext(t.Context(), method, addr+path, strings.NewReader(body))
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != ok {
				t.Errorf("%s %s: %d, want %d", method, field, resp.StatusCode, ok)
			}
			r, _ = http.NewRequestWithContext(t.Context(), "DELETE", addr+"/2015-03-31/functions/new", nil)
			if resp, err := http.DefaultClient.Do(r); err == nil {
				resp.Body.Close()
				if want == 400 && resp.StatusCode != 404 {
					t.Errorf("%s: the function was made", field)
				}
			}
		}
	}
}

// TestTheSumOfTheCodeIsTheCodes: an environment variable does not change it, an image does.
func TestTheSumOfTheCodeIsTheCodes(t *testing.T) {
	addr := "http://" + finishing(t, gatewaytest.Echo) + "/2015-03-31/functions/f"
	sum := func(path, body string) string {
		r, _ := http.NewRequestWithContext(t.Context(), "PUT", addr+path, strings.NewReader(body))
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b := new(strings.Builder)
		buf := make([]byte, 4096)
		for n := 1; n > 0; {
			n, _ = resp.Body.Read(buf)
			b.Write(buf[:n])
		}
		_, after, _ := strings.Cut(b.String(), `"CodeSha256":"`)
		s, _, _ := strings.Cut(after, `"`)
		return s
	}
	first := sum("/configuration", `{}`)
	if second := sum("/configuration", `{"Environment":{"Variables":{"A":"b"}},"Timeout":7}`); first == "" || second != first {
		t.Errorf("%q became %q", first, second)
	}
	if third := sum("/code", `{"ImageUri":"other"}`); third == first {
		t.Error("another image has the same sum")
	}
}
