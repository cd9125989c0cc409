package lambda_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/gateway/lambda"
)

// awsBinary finds an AWS CLI that runs, version 1 or 2. Under VIDEOSDGX_TEST_AWSCLI=1 there must be one (Debian: apt-get install awscli).
func awsBinary(t *testing.T) string {
	t.Helper()
	for _, bin := range []string{os.Getenv("VIDEOSDGX_AWS"), "/usr/bin/aws", "aws"} {
		if bin != "" && exec.Command(bin, "--version").Run() == nil {
			return bin
		}
	}
	if os.Getenv("VIDEOSDGX_TEST_AWSCLI") == "1" {
		t.Fatal("VIDEOSDGX_TEST_AWSCLI=1 but no AWS CLI runs here; install it with: apt-get install awscli")
	}
	t.Skip("NOT TESTED: no AWS CLI runs here; apt-get install awscli")
	return ""
}

func TestAWSCommandLine(t *testing.T) {
	bin := awsBinary(t)
	raw := " --cli-binary-format raw-in-base64-out" // version 1 takes payloads as they are, and has no such option
	if out, err := exec.Command(bin, "--version").CombinedOutput(); err != nil || strings.HasPrefix(string(out), "aws-cli/1.") {
		raw = ""
	}
	t.Parallel() // each call takes Python a second
	b := newBench(t, gatewaytest.Echo, func(o *lambda.Options) { o.Keys = map[string]string{"AKID": "secret"} })
	dir := t.TempDir()
	run := func(args ...string) (map[string]any, string, error) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), bin, append([]string{"--endpoint-url", b.url, "--output", "json", "lambda"}, args...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=AKID", "AWS_SECRET_ACCESS_KEY=secret", "AWS_DEFAULT_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "HOME="+dir, "AWS_MAX_ATTEMPTS=1")
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		var v map[string]any
		if len(out) > 0 && json.Unmarshal(out, &v) != nil {
			t.Errorf("%v printed %q", args, out)
		}
		return v, stderr.String(), err
	}
	script := []struct {
		line, key string
		want      any
	}{
		{"create-function --function-name echo --package-type Image --code ImageUri=reg/echo:1 --role arn:aws:iam::123456789012:role/x --timeout 30 --image-config Command=index.handler", "State", "Active"},
		{"wait function-active-v2 --function-name echo", "", nil},
		{"get-function --function-name echo", "", nil},
		{"get-function-configuration --function-name arn:aws:lambda:us-east-1:123456789012:function:echo", "Timeout", 30.0},
		{`invoke --function-name echo` + raw + ` --payload {"a":1} --log-type Tail out.json`, "StatusCode", 200.0},
		{"invoke --function-name echo --invocation-type Event out2.json", "StatusCode", 202.0},
		{"invoke --function-name echo --invocation-type DryRun out3.json", "StatusCode", 204.0},
		{"invoke-async --function-name echo --invoke-args out.json", "Status", 202.0},
		{"publish-version --function-name echo", "Version", "1"},
		{"update-function-configuration --function-name echo --timeout 60", "Timeout", 60.0},
		{"update-function-code --function-name echo --image-uri reg/echo:2 --publish", "Version", "2"},
		{"list-versions-by-function --function-name echo --max-items 2", "", nil},
		{"create-alias --function-name echo --name live --function-version 1", "Name", "live"},
		{`update-alias --function-name echo --name live --routing-config AdditionalVersionWeights={2=0.5}`, "FunctionVersion", "1"},
		{"get-alias --function-name echo --name live", "FunctionVersion", "1"},
		{"list-aliases --function-name echo", "", nil},
		{"invoke --function-name echo:live out4.json", "ExecutedVersion", "$LATEST"}, // the fake's
		{"put-function-concurrency --function-name echo --reserved-concurrent-executions 0", "ReservedConcurrentExecutions", 0.0},
		{"put-function-concurrency --function-name echo --reserved-concurrent-executions 2", "ReservedConcurrentExecutions", 2.0},
		{"get-function-concurrency --function-name echo", "ReservedConcurrentExecutions", 2.0},
		{"put-provisioned-concurrency-config --function-name echo --qualifier live --provisioned-concurrent-executions 1", "RequestedProvisionedConcurrentExecutions", 1.0},
		{"get-provisioned-concurrency-config --function-name echo --qualifier live", "Status", "READY"},
		{"list-provisioned-concurrency-configs --function-name echo", "", nil},
		{"delete-provisioned-concurrency-config --function-name echo --qualifier live", "", nil},
		{"delete-function-concurrency --function-name echo", "", nil},
		{"put-function-event-invoke-config --function-name echo --qualifier live --maximum-retry-attempts 1", "MaximumRetryAttempts", 1.0},
		{"update-function-event-invoke-config --function-name echo --qualifier live --maximum-event-age-in-seconds 60", "MaximumRetryAttempts", 1.0},
		{"get-function-event-invoke-config --function-name echo --qualifier live", "MaximumEventAgeInSeconds", 60.0},
		{"list-function-event-invoke-configs --function-name echo", "", nil},
		{"delete-function-event-invoke-config --function-name echo --qualifier live", "", nil},
		{"create-function-url-config --function-name echo --auth-type NONE", "AuthType", "NONE"},
		{"update-function-url-config --function-name echo --cors AllowOrigins=*", "AuthType", "NONE"},
		{"get-function-url-config --function-name echo", "AuthType", "NONE"},
		{"list-function-url-configs --function-name echo", "", nil},
		{"delete-function-url-config --function-name echo", "", nil},
		{"get-function-code-signing-config --function-name echo", "FunctionName", "echo"},
		{"tag-resource --resource arn:aws:lambda:us-east-1:123456789012:function:echo --tags team=x", "", nil},
		{"list-tags --resource arn:aws:lambda:us-east-1:123456789012:function:echo", "", nil},
		{"untag-resource --resource arn:aws:lambda:us-east-1:123456789012:function:echo --tag-keys team", "", nil},
		{"get-account-settings", "", nil},
		{"delete-alias --function-name echo --name live", "", nil},
		{"delete-function --function-name echo --qualifier 1", "", nil},
		{"delete-function --function-name echo", "", nil},
	}
	for _, s := range script {
		out, stderr, err := run(strings.Fields(s.line)...)
		if err != nil || s.key != "" && out[s.key] != s.want {
			t.Errorf("aws lambda %s: %v, %s is %v, want %v\n%s", s.line, err, s.key, out[s.key], s.want, stderr)
		}
	}
	if got, err := os.ReadFile(filepath.Join(dir, "out.json")); err != nil || string(got) != `{"a":1}` {
		t.Errorf("payload %q %v", got, err)
	}
	if _, stderr, err := run("get-function", "--function-name", "echo"); err == nil || !strings.Contains(stderr, "(ResourceNotFoundException)") {
		t.Errorf("%v %s", err, stderr)
	}
	if out, stderr, err := run("list-functions"); err != nil || len(out["Functions"].([]any)) != 0 {
		t.Errorf("%v %v %s", out, err, stderr)
	}
}
