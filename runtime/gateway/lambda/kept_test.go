package lambda_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/videosdgx/videosdgx/runtime/events/outgoing"
	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/gateway/lambda"
)

// TestARoleIsKept: it means nothing here, and comes back as it was given.
func TestARoleIsKept(t *testing.T) {
	b, ctx := newBench(t, gatewaytest.Echo), t.Context()
	arch := types.ArchitectureX8664
	if runtime.GOARCH == "arm64" {
		arch = types.ArchitectureArm64
	}
	role := aws.String("arn:aws:iam::123456789012:role/service-role/mine")
	made := check(b.CreateFunction(ctx, &sdk.CreateFunctionInput{FunctionName: echo, Role: role, PackageType: types.PackageTypeImage,
		Code: &types.FunctionCode{ImageUri: aws.String("echo:1")}, Architectures: []types.Architecture{arch}, TracingConfig: &types.TracingConfig{Mode: types.TracingModePassThrough}}))(t)
	if *made.Role != *role || len(made.Architectures) != 1 || made.Architectures[0] != arch || made.TracingConfig.Mode != types.TracingModePassThrough {
		t.Errorf("%+v", made)
	}
	if got := check(b.GetFunctionConfiguration(ctx, &sdk.GetFunctionConfigurationInput{FunctionName: echo}))(t); *got.Role != *role {
		t.Errorf("role %s", *got.Role)
	}
	other := aws.String("arn:aws:iam::123456789012:role/other")
	check(b.UpdateFunctionConfiguration(ctx, &sdk.UpdateFunctionConfigurationInput{FunctionName: echo, Role: other}))(t)
	check(b.UpdateFunctionConfiguration(ctx, &sdk.UpdateFunctionConfigurationInput{FunctionName: echo, Timeout: aws.Int32(9)}))(t)
	if got := check(b.GetFunction(ctx, &sdk.GetFunctionInput{FunctionName: echo}))(t); *got.Configuration.Role != *other {
		t.Errorf("role %s after an update of something else", *got.Configuration.Role)
	}
}

// TestADeletedURLIsGone until it is created anew.
func TestADeletedURLIsGone(t *testing.T) {
	b, ctx := newBench(t, gatewaytest.Echo), t.Context()
	check(b.CreateFunction(ctx, &sdk.CreateFunctionInput{FunctionName: echo, Role: aws.String("arn:r"), Code: &types.FunctionCode{ImageUri: aws.String("echo:1")}}))(t)
	check(b.CreateFunctionUrlConfig(ctx, &sdk.CreateFunctionUrlConfigInput{FunctionName: echo, AuthType: types.FunctionUrlAuthTypeNone}))(t)
	check(b.DeleteFunctionUrlConfig(ctx, &sdk.DeleteFunctionUrlConfigInput{FunctionName: echo}))(t)
	var gone *types.ResourceNotFoundException
	if _, err := b.GetFunctionUrlConfig(ctx, &sdk.GetFunctionUrlConfigInput{FunctionName: echo}); !errors.As(err, &gone) {
		t.Errorf("get: %v", err)
	}
	if _, err := b.UpdateFunctionUrlConfig(ctx, &sdk.UpdateFunctionUrlConfigInput{FunctionName: echo}); !errors.As(err, &gone) {
		t.Errorf("update: %v", err)
	}
	if _, err := b.DeleteFunctionUrlConfig(ctx, &sdk.DeleteFunctionUrlConfigInput{FunctionName: echo}); !errors.As(err, &gone) {
		t.Errorf("delete: %v", err)
	}
	if all := check(b.ListFunctionUrlConfigs(ctx, &sdk.ListFunctionUrlConfigsInput{FunctionName: echo}))(t); len(all.FunctionUrlConfigs) != 0 {
		t.Errorf("list: %+v", all.FunctionUrlConfigs)
	}
	fn, err := b.catalog.Get(ctx, *echo, "")
	if err != nil || !fn.URL.Closed {
		t.Errorf("%+v, %v", fn.URL, err)
	}
	check(b.CreateFunctionUrlConfig(ctx, &sdk.CreateFunctionUrlConfigInput{FunctionName: echo, AuthType: types.FunctionUrlAuthTypeNone, InvokeMode: types.InvokeModeResponseStream}))(t)
	if got := check(b.GetFunctionUrlConfig(ctx, &sdk.GetFunctionUrlConfigInput{FunctionName: echo}))(t); got.InvokeMode != types.InvokeModeResponseStream {
		t.Errorf("%+v", got)
	}
}

// TestSettingsThatNobodyMadeAreNotThere, and a reservation of none names no time to come back.
func TestSettingsThatNobodyMadeAreNotThere(t *testing.T) {
	b, ctx := newBench(t, gatewaytest.Echo), t.Context()
	check(b.CreateFunction(ctx, &sdk.CreateFunctionInput{FunctionName: echo, Role: aws.String("arn:r"), Code: &types.FunctionCode{ImageUri: aws.String("echo:1")}}))(t)
	var gone *types.ResourceNotFoundException
	if _, err := b.GetFunctionEventInvokeConfig(ctx, &sdk.GetFunctionEventInvokeConfigInput{FunctionName: echo}); !errors.As(err, &gone) {
		t.Errorf("%v", err)
	}
	if got := check(b.GetFunctionConcurrency(ctx, &sdk.GetFunctionConcurrencyInput{FunctionName: echo}))(t); got.ReservedConcurrentExecutions != nil {
		t.Errorf("%d are reserved", *got.ReservedConcurrentExecutions)
	}
	check(b.PutFunctionConcurrency(ctx, &sdk.PutFunctionConcurrencyInput{FunctionName: echo, ReservedConcurrentExecutions: aws.Int32(0)}))(t)
	if got := check(b.GetFunctionConcurrency(ctx, &sdk.GetFunctionConcurrencyInput{FunctionName: echo}))(t); got.ReservedConcurrentExecutions == nil || *got.ReservedConcurrentExecutions != 0 {
		t.Errorf("%+v", got)
	}
	check(b.PutFunctionEventInvokeConfig(ctx, &sdk.PutFunctionEventInvokeConfigInput{FunctionName: echo, MaximumRetryAttempts: aws.Int32(1)}))(t)
	if got := check(b.GetFunctionEventInvokeConfig(ctx, &sdk.GetFunctionEventInvokeConfigInput{FunctionName: echo}))(t); *got.MaximumRetryAttempts != 1 {
		t.Errorf("%+v", got)
	}
}

// TestADestinationThatIsNeverCalledIsRefused when it is given, by the guard's sentence and without its keys.
func TestADestinationThatIsNeverCalledIsRefused(t *testing.T) {
	guard, err := outgoing.NewGuard("")
	if err != nil {
		t.Fatal(err)
	}
	b, ctx := newBench(t, gatewaytest.Echo, func(o *lambda.Options) { o.CheckURL = guard.CheckURL }), t.Context()
	check(b.CreateFunction(ctx, &sdk.CreateFunctionInput{FunctionName: echo, Role: aws.String("arn:r"), Code: &types.FunctionCode{ImageUri: aws.String("echo:1")}}))(t)
	for _, address := range []string{"http://169.254.169.254/latest?k=s3cret", "http://u:s3cret@localhost:9/", "https://[::1]/", "http:///nobody"} {
		in := &sdk.PutFunctionEventInvokeConfigInput{FunctionName: echo, DestinationConfig: &types.DestinationConfig{OnSuccess: &types.OnSuccess{Destination: &address}}}
		var invalid *types.InvalidParameterValueException
		if _, err := b.PutFunctionEventInvokeConfig(ctx, in); !errors.As(err, &invalid) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", address, err)
		}
	}
	if fn, _ := b.catalog.Get(ctx, *echo, ""); fn.Async.OnSuccess != "" {
		t.Errorf("%s was kept", fn.Async.OnSuccess)
	}
}
