package guest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/videosdgx/videosdgx/runtime/guest/wire"
)

func TestEnvironment(t *testing.T) {
	cfg := wire.Config{
		InstanceID: "a-b", Function: "f", Version: "3", Handler: "h", MemoryMB: 512, EventsAtOnce: 4, SnapStart: true,
		Env: map[string]string{"MINE": "1", "AWS_LAMBDA_RUNTIME_API": "elsewhere", "AWS_REGION": "eu-west-1"},
	}
	own := []string{"IMAGE=yes", "MINE=0", "GODEBUG=x=1", "PATH=/bin", "broken"}
	env := environment(cfg, own, "127.0.0.1:9001", time.Date(2025, 3, 4, 0, 0, 0, 0, time.UTC))
	for _, want := range []string{
		"IMAGE=yes", "MINE=1", "GODEBUG=x=1,multipathtcp=0", "PATH=/bin", "AWS_LAMBDA_RUNTIME_API=127.0.0.1:9001",
		"AWS_LAMBDA_FUNCTION_NAME=f", "AWS_LAMBDA_FUNCTION_VERSION=3", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512", "_HANDLER=h",
		"AWS_LAMBDA_MAX_CONCURRENCY=4", "AWS_LAMBDA_INITIALIZATION_TYPE=snap-start", "AWS_REGION=us-east-1",
		"AWS_DEFAULT_REGION=us-east-1", "TZ=:UTC", "AWS_LAMBDA_LOG_STREAM_NAME=2025/03/04/[3]ab", "LAMBDA_RUNTIME_DIR=/var/runtime",
	} {
		if !slices.Contains(env, want) {
			t.Errorf("%s is not in the environment", want)
		}
	}
	for i, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		if i > 0 && strings.HasPrefix(env[i-1], name+"=") || name == "AWS_EXECUTION_ENV" {
			t.Errorf("%s should not be there (again)", name)
		}
	}
}

func TestNodeOption(t *testing.T) {
	if got := withNodeOption([]string{"A=b"}, "--require=x"); !slices.Contains(got, "NODE_OPTIONS=--require=x") {
		t.Errorf("%v", got)
	}
	if got := withNodeOption([]string{"NODE_OPTIONS=--enable-source-maps"}, "--require=x"); got[0] != "NODE_OPTIONS=--enable-source-maps --require=x" {
		t.Errorf("%v", got)
	}
}

func TestArguments(t *testing.T) {
	dir, command, err := parse([]string{"-dir", "/x", "--", "cmd", "-dir", "y"})
	if err != nil || dir != "/x" || !slices.Equal(command, []string{"cmd", "-dir", "y"}) {
		t.Errorf("%q %q %v", dir, command, err)
	}
	if dir, _, err = parse([]string{"--", "cmd"}); err != nil || dir != defaultDir {
		t.Errorf("%q %v", dir, err)
	}
	for _, bad := range [][]string{nil, {"-dir", "/x"}, {"-what"}} {
		if _, _, err := parse(bad); err == nil || !strings.Contains(err.Error(), "-- command") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
