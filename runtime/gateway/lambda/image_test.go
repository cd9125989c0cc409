package lambda_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/gateway/lambda"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// TestAMissingImageIsNotActive: its state says so, and who invokes hears of the image and not of the function.
func TestAMissingImageIsNotActive(t *testing.T) {
	gone := fmt.Errorf("image echo:1 is nowhere: %w", errdefs.ErrNotFound)
	var said error
	b := newBench(t, func(context.Context, spec.Invocation) (*spec.Result, error) {
		return nil, fmt.Errorf("no instance: %w", &spec.ImageError{Image: "echo:1", Err: gone})
	}, func(o *lambda.Options) {
		o.Image = func(context.Context, string) (string, error) { return "", said }
	})
	ctx := t.Context()
	b.add(t, spec.Function{Name: "echo", Image: "echo:1"})
	for _, c := range []struct {
		err   error
		state types.State
		code  types.StateReasonCode
	}{
		{nil, types.StateActive, ""},
		{gone, types.StateFailed, types.StateReasonCodeImageDeleted},
		{fmt.Errorf("no layout: %w", errdefs.ErrInvalidArgument), types.StateFailed, types.StateReasonCodeInvalidImage},
		{errors.New("denied"), types.StateFailed, types.StateReasonCodeImageAccessDenied},
		{fmt.Errorf("containerd starts: %w", errdefs.ErrUnavailable), types.StateActive, ""},
	} {
		said = c.err
		got := check(b.GetFunctionConfiguration(ctx, &sdk.GetFunctionConfigurationInput{FunctionName: echo}))(t)
		if got.State != c.state || got.StateReasonCode != c.code || (c.code != "") != (aws.ToString(got.StateReason) != "") {
			t.Errorf("%v: %s %s %q", c.err, got.State, got.StateReasonCode, aws.ToString(got.StateReason))
		}
	}
	_, err := b.Invoke(ctx, &sdk.InvokeInput{FunctionName: echo})
	var conflict *types.ResourceConflictException
	if !errors.As(err, &conflict) || !strings.Contains(err.Error(), "image echo:1") || strings.Contains(err.Error(), "function not found") {
		t.Errorf("%v", err)
	}
}

// TestTheSumOfTheCodeIsTheImages digest, as at AWS, until files besides it are mounted; how it is run does not change it.
func TestTheSumOfTheCodeIsTheImages(t *testing.T) {
	const digest = "6f1d3b0b8c1a5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6"
	image := digest
	b := newBench(t, nil, func(o *lambda.Options) {
		o.Image = func(context.Context, string) (string, error) { return "sha256:" + image, nil }
	})
	sum := func(fn spec.Function) string {
		fn.Name, fn.Image = "echo", "echo:1"
		b.add(t, fn)
		return *check(b.GetFunction(t.Context(), &sdk.GetFunctionInput{FunctionName: echo}))(t).Configuration.CodeSha256
	}
	if got := sum(spec.Function{}); got != digest {
		t.Errorf("%s", got)
	}
	if got := sum(spec.Function{Env: map[string]string{"A": "1"}, Args: []string{"x"}, Handler: "h", Role: "arn:r"}); got != digest {
		t.Errorf("%s with an environment", got)
	}
	one, two := sum(spec.Function{Code: "1"}), sum(spec.Function{Code: "2"})
	if one == digest || one == two || one != sum(spec.Function{Code: "1", Env: map[string]string{"A": "1"}}) {
		t.Errorf("%s, %s of what is mounted", one, two)
	}
	image = strings.Repeat("ab", 32)
	if got := sum(spec.Function{}); got != image {
		t.Errorf("%s of another image under the same name", got)
	}
}
