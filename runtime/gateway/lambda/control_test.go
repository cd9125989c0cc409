package lambda_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/gateway/lambda"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

var echo = aws.String("echo")

func TestFunctionsThroughTheirLife(t *testing.T) {
	b, ctx := newBench(t, gatewaytest.Echo), t.Context()
	create := &sdk.CreateFunctionInput{
		FunctionName: echo, PackageType: types.PackageTypeImage, Role: aws.String("arn:aws:iam::1:role/x"), Description: aws.String("d"),
		Code: &types.FunctionCode{ImageUri: aws.String("reg/echo:1")}, Timeout: aws.Int32(30), MemorySize: aws.Int32(512),
		Environment: &types.Environment{Variables: map[string]string{"A": "1"}}, Tags: map[string]string{"team": "x"},
		ImageConfig:      &types.ImageConfig{EntryPoint: []string{"/bin/echo"}, Command: []string{"h"}, WorkingDirectory: aws.String("/w")},
		EphemeralStorage: &types.EphemeralStorage{Size: aws.Int32(1024)},
	}
	made := check(b.CreateFunction(ctx, create))(t)
	if *made.FunctionArn != "arn:aws:lambda:us-east-1:000000000000:function:echo" || *made.Timeout != 30 || *made.MemorySize != 512 || made.State != types.StateActive ||
		made.Environment.Variables["A"] != "1" || !slices.Equal(made.ImageConfigResponse.ImageConfig.EntryPoint, []string{"/bin/echo"}) ||
		!slices.Equal(made.ImageConfigResponse.ImageConfig.Command, []string{"h"}) || *made.EphemeralStorage.Size != 1024 {
		t.Errorf("%+v", made)
	}
	var conflict *types.ResourceConflictException
	if _, err := b.CreateFunction(ctx, create); !errors.As(err, &conflict) || b.last.StatusCode != 409 {
		t.Errorf("twice: %v", err)
	}
	got := check(b.GetFunction(ctx, &sdk.GetFunctionInput{FunctionName: echo}))(t)
	if *got.Code.ImageUri != "reg/echo:1" || got.Tags["team"] != "x" || *got.Configuration.Description != "d" {
		t.Errorf("%+v", got)
	}
	up := check(b.UpdateFunctionConfiguration(ctx, &sdk.UpdateFunctionConfigurationInput{FunctionName: echo, Timeout: aws.Int32(60), RevisionId: made.RevisionId}))(t)
	if *up.Timeout != 60 || *up.MemorySize != 512 {
		t.Errorf("%+v", up)
	}
	var stale *types.PreconditionFailedException
	if _, err := b.UpdateFunctionConfiguration(ctx, &sdk.UpdateFunctionConfigurationInput{FunctionName: echo, RevisionId: made.RevisionId}); !errors.As(err, &stale) {
		t.Errorf("stale revision: %v", err)
	}
	if _, err := b.UpdateFunctionCode(ctx, &sdk.UpdateFunctionCodeInput{FunctionName: echo, ImageUri: aws.String("reg/echo:2"), RevisionId: made.RevisionId}); !errors.As(err, &stale) {
		t.Errorf("stale revision: %v", err)
	}
	code := check(b.UpdateFunctionCode(ctx, &sdk.UpdateFunctionCodeInput{FunctionName: echo, ImageUri: aws.String("reg/echo:2"), Publish: true, RevisionId: up.RevisionId}))(t)
	if *code.Version != "1" {
		t.Errorf("%+v", code)
	}
	if conf := check(b.GetFunctionConfiguration(ctx, &sdk.GetFunctionConfigurationInput{FunctionName: echo, Qualifier: aws.String("1")}))(t); !strings.HasSuffix(*conf.FunctionArn, ":echo:1") || *conf.Timeout != 60 {
		t.Errorf("%+v", conf)
	}
	if err := sdk.NewFunctionActiveV2Waiter(b).Wait(ctx, &sdk.GetFunctionInput{FunctionName: echo}, 1e9); err != nil {
		t.Error(err)
	}
	var gone *types.ResourceNotFoundException
	if _, err := b.DeleteFunction(ctx, &sdk.DeleteFunctionInput{FunctionName: aws.String("function")}); !errors.As(err, &gone) {
		t.Errorf("the emulator's name for the only function deletes it: %v", err)
	}
	check(b.DeleteFunction(ctx, &sdk.DeleteFunctionInput{FunctionName: echo}))(t)
	if _, err := b.GetFunction(ctx, &sdk.GetFunctionInput{FunctionName: echo}); !errors.As(err, &gone) {
		t.Errorf("deleted: %v", err)
	}
}

func TestCreateRefusesWhatIsNoImage(t *testing.T) {
	b := newBench(t, gatewaytest.Echo)
	var invalid *types.InvalidParameterValueException
	for want, in := range map[string]*sdk.CreateFunctionInput{
		"only images":     {Code: &types.FunctionCode{ZipFile: []byte("PK")}},
		"must be Image":   {Code: &types.FunctionCode{ImageUri: echo}, PackageType: types.PackageTypeZip},
		"ImageUri is mis": {Code: &types.FunctionCode{}},
		"Timeout is 0":    {Code: &types.FunctionCode{ImageUri: echo}, Timeout: aws.Int32(0)},
	} {
		in.FunctionName, in.Role = echo, aws.String("r")
		if _, err := b.CreateFunction(t.Context(), in); !errors.As(err, &invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestListFunctionsPages(t *testing.T) {
	b := newBench(t, gatewaytest.Echo)
	for i := range 125 {
		b.add(t, spec.Function{Name: fmt.Sprintf("f%03d", i)})
	}
	for _, size := range []int32{7, 50, 1000} {
		var names []string
		for p := sdk.NewListFunctionsPaginator(b, &sdk.ListFunctionsInput{MaxItems: &size}); p.HasMorePages(); {
			for _, f := range check(p.NextPage(t.Context()))(t).Functions {
				names = append(names, *f.FunctionName)
			}
		}
		if len(names) != 125 || !slices.IsSorted(names) {
			t.Errorf("%d: %d names", size, len(names))
		}
	}
	var invalid *types.InvalidParameterValueException
	if _, err := b.ListFunctions(t.Context(), &sdk.ListFunctionsInput{Marker: aws.String("??")}); !errors.As(err, &invalid) {
		t.Error(err)
	}
}

func TestVersionsAndAliases(t *testing.T) {
	b, ctx := newBench(t, gatewaytest.Echo), t.Context()
	b.add(t, spec.Function{Name: "echo"})
	check(b.PublishVersion(ctx, &sdk.PublishVersionInput{FunctionName: echo}))(t)
	if again := check(b.PublishVersion(ctx, &sdk.PublishVersionInput{FunctionName: echo}))(t); *again.Version != "1" {
		t.Errorf("unchanged: %s", *again.Version)
	}
	b.add(t, spec.Function{Name: "echo", Description: "two"})
	if v := check(b.PublishVersion(ctx, &sdk.PublishVersionInput{FunctionName: echo, Description: aws.String("second")}))(t); *v.Version != "2" || *v.Description != "second" {
		t.Errorf("%+v", v)
	}
	if all := check(b.ListVersionsByFunction(ctx, &sdk.ListVersionsByFunctionInput{FunctionName: echo}))(t); len(all.Versions) != 3 || *all.Versions[0].Version != "$LATEST" {
		t.Errorf("%+v", all.Versions)
	}
	live := aws.String("live")
	create := &sdk.CreateAliasInput{FunctionName: echo, Name: live, FunctionVersion: aws.String("1"),
		RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{"2": 0.25}}}
	made := check(b.CreateAlias(ctx, create))(t)
	if !strings.HasSuffix(*made.AliasArn, ":echo:live") || made.RoutingConfig.AdditionalVersionWeights["2"] != 0.25 {
		t.Errorf("%+v", made)
	}
	var conflict *types.ResourceConflictException
	if _, err := b.CreateAlias(ctx, create); !errors.As(err, &conflict) {
		t.Errorf("twice: %v", err)
	}
	up := check(b.UpdateAlias(ctx, &sdk.UpdateAliasInput{FunctionName: echo, Name: live, FunctionVersion: aws.String("2"), RoutingConfig: &types.AliasRoutingConfiguration{}}))(t)
	if *up.FunctionVersion != "2" || up.RoutingConfig != nil {
		t.Errorf("%+v", up)
	}
	var stale *types.PreconditionFailedException
	if _, err := b.UpdateAlias(ctx, &sdk.UpdateAliasInput{FunctionName: echo, Name: live, RevisionId: made.RevisionId}); !errors.As(err, &stale) {
		t.Errorf("stale: %v", err)
	}
	if out := check(b.Invoke(ctx, &sdk.InvokeInput{FunctionName: echo, Qualifier: live}))(t); out.StatusCode != 200 {
		t.Errorf("%+v", out)
	}
	if list := check(b.ListAliases(ctx, &sdk.ListAliasesInput{FunctionName: echo, FunctionVersion: aws.String("2")}))(t); len(list.Aliases) != 1 {
		t.Errorf("%+v", list)
	}
	check(b.DeleteAlias(ctx, &sdk.DeleteAliasInput{FunctionName: echo, Name: live}))(t)
	var gone *types.ResourceNotFoundException
	if _, err := b.GetAlias(ctx, &sdk.GetAliasInput{FunctionName: echo, Name: live}); !errors.As(err, &gone) {
		t.Errorf("deleted: %v", err)
	}
}

func TestConcurrencyAndProvisioned(t *testing.T) {
	b, ctx := newBench(t, gatewaytest.Echo), t.Context()
	b.add(t, spec.Function{Name: "echo"})
	check(b.PutFunctionConcurrency(ctx, &sdk.PutFunctionConcurrencyInput{FunctionName: echo, ReservedConcurrentExecutions: aws.Int32(4)}))(t)
	if c := check(b.GetFunctionConcurrency(ctx, &sdk.GetFunctionConcurrencyInput{FunctionName: echo}))(t); *c.ReservedConcurrentExecutions != 4 {
		t.Errorf("%+v", c)
	}
	check(b.PublishVersion(ctx, &sdk.PublishVersionInput{FunctionName: echo}))(t)
	check(b.CreateAlias(ctx, &sdk.CreateAliasInput{FunctionName: echo, Name: aws.String("live"), FunctionVersion: aws.String("1")}))(t)
	var notHere *types.InvalidParameterValueException
	if _, err := b.PutFunctionConcurrency(ctx, &sdk.PutFunctionConcurrencyInput{FunctionName: aws.String("echo:live"), ReservedConcurrentExecutions: aws.Int32(4)}); !errors.As(err, &notHere) {
		t.Errorf("of an alias: %v", err)
	}
	put := &sdk.PutProvisionedConcurrencyConfigInput{FunctionName: echo, Qualifier: aws.String("live"), ProvisionedConcurrentExecutions: aws.Int32(3)}
	if p := check(b.PutProvisionedConcurrencyConfig(ctx, put))(t); *p.RequestedProvisionedConcurrentExecutions != 3 || *p.AllocatedProvisionedConcurrentExecutions != 2 ||
		*p.AvailableProvisionedConcurrentExecutions != 1 || p.Status != types.ProvisionedConcurrencyStatusEnumInProgress || b.last.StatusCode != 202 {
		t.Errorf("%+v", p)
	}
	put.ProvisionedConcurrentExecutions = aws.Int32(2)
	if p := check(b.PutProvisionedConcurrencyConfig(ctx, put))(t); p.Status != types.ProvisionedConcurrencyStatusEnumReady {
		t.Errorf("%+v", p)
	}
	put.ProvisionedConcurrentExecutions = aws.Int32(9)
	var invalid *types.InvalidParameterValueException
	if _, err := b.PutProvisionedConcurrencyConfig(ctx, put); !errors.As(err, &invalid) {
		t.Errorf("more than concurrency: %v", err)
	}
	if l := check(b.ListProvisionedConcurrencyConfigs(ctx, &sdk.ListProvisionedConcurrencyConfigsInput{FunctionName: echo}))(t); len(l.ProvisionedConcurrencyConfigs) != 1 ||
		!strings.HasSuffix(*l.ProvisionedConcurrencyConfigs[0].FunctionArn, ":echo:1") {
		t.Errorf("%+v", l)
	}
	one := aws.String("1")
	check(b.DeleteProvisionedConcurrencyConfig(ctx, &sdk.DeleteProvisionedConcurrencyConfigInput{FunctionName: echo, Qualifier: one}))(t)
	var none *types.ProvisionedConcurrencyConfigNotFoundException
	if _, err := b.GetProvisionedConcurrencyConfig(ctx, &sdk.GetProvisionedConcurrencyConfigInput{FunctionName: echo, Qualifier: one}); !errors.As(err, &none) {
		t.Errorf("deleted: %v", err)
	}
	check(b.DeleteFunctionConcurrency(ctx, &sdk.DeleteFunctionConcurrencyInput{FunctionName: echo}))(t)
	if c := check(b.GetFunctionConcurrency(ctx, &sdk.GetFunctionConcurrencyInput{FunctionName: echo}))(t); c.ReservedConcurrentExecutions != nil {
		t.Errorf("without a reservation: %+v", c)
	}
}

func TestEventInvokeConfig(t *testing.T) {
	b, ctx := newBench(t, gatewaytest.Echo), t.Context()
	b.add(t, spec.Function{Name: "echo"})
	b.add(t, spec.Function{Name: "sink"})
	var none *types.ResourceNotFoundException
	if _, err := b.GetFunctionEventInvokeConfig(ctx, &sdk.GetFunctionEventInvokeConfigInput{FunctionName: echo}); !errors.As(err, &none) {
		t.Errorf("fresh: %v", err)
	}
	put := check(b.PutFunctionEventInvokeConfig(ctx, &sdk.PutFunctionEventInvokeConfigInput{FunctionName: echo, MaximumRetryAttempts: aws.Int32(1), MaximumEventAgeInSeconds: aws.Int32(60),
		DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: aws.String("arn:aws:lambda:us-east-1:1:function:sink")}, OnSuccess: &types.OnSuccess{Destination: aws.String("https://u:s3cret@x/y?k=s3cret")}}}))(t)
	if put.LastModified == nil || time.Since(*put.LastModified).Abs() > time.Minute {
		t.Errorf("modified %v", put.LastModified)
	}
	if *put.MaximumRetryAttempts != 1 || *put.MaximumEventAgeInSeconds != 60 || !strings.HasSuffix(*put.DestinationConfig.OnFailure.Destination, ":function:sink") || *put.DestinationConfig.OnSuccess.Destination != "https://x/y" {
		t.Errorf("%+v", put)
	}
	if fn, _ := b.catalog.Get(ctx, "echo", ""); fn.Async.OnFailure != "sink" || fn.Async.OnSuccess != "https://u:s3cret@x/y?k=s3cret" { // kept whole, shown without its keys
		t.Errorf("%+v", fn.Async)
	}
	up := check(b.UpdateFunctionEventInvokeConfig(ctx, &sdk.UpdateFunctionEventInvokeConfigInput{FunctionName: echo, MaximumRetryAttempts: aws.Int32(0)}))(t)
	if *up.MaximumRetryAttempts != 0 || *up.MaximumEventAgeInSeconds != 60 {
		t.Errorf("%+v", up)
	}
	if l := check(b.ListFunctionEventInvokeConfigs(ctx, &sdk.ListFunctionEventInvokeConfigsInput{FunctionName: echo}))(t); len(l.FunctionEventInvokeConfigs) != 1 {
		t.Errorf("%+v", l)
	}
	var invalid *types.InvalidParameterValueException
	if put = check(b.PutFunctionEventInvokeConfig(ctx, &sdk.PutFunctionEventInvokeConfigInput{FunctionName: aws.String("sink")}))(t); *put.MaximumRetryAttempts != 2 {
		t.Errorf("%+v", put)
	}
	check(b.GetFunctionEventInvokeConfig(ctx, &sdk.GetFunctionEventInvokeConfigInput{FunctionName: aws.String("sink")}))(t) // it was put, be it without a word
	for _, in := range []*sdk.PutFunctionEventInvokeConfigInput{
		{MaximumRetryAttempts: aws.Int32(3)}, {MaximumEventAgeInSeconds: aws.Int32(59)},
		{DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: aws.String("arn:aws:sqs:us-east-1:1:q")}}},
		{DestinationConfig: &types.DestinationConfig{OnSuccess: &types.OnSuccess{Destination: aws.String("ghost")}}},
	} {
		in.FunctionName = echo
		if _, err := b.PutFunctionEventInvokeConfig(ctx, in); !errors.As(err, &invalid) {
			t.Errorf("%+v: %v", in, err)
		}
	}
	check(b.PutFunctionEventInvokeConfig(ctx, &sdk.PutFunctionEventInvokeConfigInput{FunctionName: echo, MaximumRetryAttempts: aws.Int32(2), MaximumEventAgeInSeconds: aws.Int32(21600)}))(t)
	if c := check(b.GetFunctionEventInvokeConfig(ctx, &sdk.GetFunctionEventInvokeConfigInput{FunctionName: echo}))(t); *c.MaximumRetryAttempts != 2 {
		t.Errorf("set to the defaults: %+v", c)
	}
	check(b.DeleteFunctionEventInvokeConfig(ctx, &sdk.DeleteFunctionEventInvokeConfigInput{FunctionName: echo}))(t)
	if _, err := b.GetFunctionEventInvokeConfig(ctx, &sdk.GetFunctionEventInvokeConfigInput{FunctionName: echo}); !errors.As(err, &none) {
		t.Errorf("deleted: %v", err)
	}
}

func TestEventInvokeConfigOfAnAlias(t *testing.T) {
	b, ctx := newBench(t, gatewaytest.Echo), t.Context()
	b.add(t, spec.Function{Name: "echo"})
	check(b.PublishVersion(ctx, &sdk.PublishVersionInput{FunctionName: echo}))(t)
	live := aws.String("live")
	check(b.CreateAlias(ctx, &sdk.CreateAliasInput{FunctionName: echo, Name: live, FunctionVersion: aws.String("1")}))(t)
	put := check(b.PutFunctionEventInvokeConfig(ctx, &sdk.PutFunctionEventInvokeConfigInput{FunctionName: echo, Qualifier: live, MaximumEventAgeInSeconds: aws.Int32(60)}))(t)
	if !strings.HasSuffix(*put.FunctionArn, ":echo:live") || *put.MaximumEventAgeInSeconds != 60 || *put.MaximumRetryAttempts != 2 {
		t.Errorf("%+v", put)
	}
	check(b.PutFunctionEventInvokeConfig(ctx, &sdk.PutFunctionEventInvokeConfigInput{FunctionName: echo, Qualifier: live}))(t)
	if c := check(b.GetFunctionEventInvokeConfig(ctx, &sdk.GetFunctionEventInvokeConfigInput{FunctionName: echo, Qualifier: live}))(t); *c.MaximumRetryAttempts != 2 {
		t.Errorf("set to the defaults: %+v", c)
	}
	check(b.UpdateFunctionEventInvokeConfig(ctx, &sdk.UpdateFunctionEventInvokeConfigInput{FunctionName: echo, Qualifier: live, MaximumRetryAttempts: aws.Int32(0), MaximumEventAgeInSeconds: aws.Int32(60)}))(t)
	got := check(b.GetFunctionEventInvokeConfig(ctx, &sdk.GetFunctionEventInvokeConfigInput{FunctionName: echo, Qualifier: live}))(t)
	if *got.MaximumEventAgeInSeconds != 60 || *got.MaximumRetryAttempts != 0 {
		t.Errorf("%+v", got)
	}
	if fn, _ := b.catalog.Get(ctx, "echo", ""); fn.Async.MaxAge != 0 {
		t.Errorf("$LATEST has changed: %+v", fn.Async)
	}
	if l := check(b.ListFunctionEventInvokeConfigs(ctx, &sdk.ListFunctionEventInvokeConfigsInput{FunctionName: echo}))(t); len(l.FunctionEventInvokeConfigs) != 1 ||
		!strings.HasSuffix(*l.FunctionEventInvokeConfigs[0].FunctionArn, ":echo:live") {
		t.Errorf("%+v", l)
	}
	check(b.DeleteFunctionEventInvokeConfig(ctx, &sdk.DeleteFunctionEventInvokeConfigInput{FunctionName: echo, Qualifier: live}))(t)
	var none *types.ResourceNotFoundException
	if _, err := b.GetFunctionEventInvokeConfig(ctx, &sdk.GetFunctionEventInvokeConfigInput{FunctionName: echo, Qualifier: live}); !errors.As(err, &none) {
		t.Errorf("deleted: %v", err)
	}
	if _, err := b.PutFunctionEventInvokeConfig(ctx, &sdk.PutFunctionEventInvokeConfigInput{FunctionName: echo, Qualifier: aws.String("nope")}); !errors.As(err, &none) {
		t.Errorf("unknown alias: %v", err)
	}
}

func TestFunctionURLConfig(t *testing.T) {
	b, ctx := newBench(t, gatewaytest.Echo), t.Context()
	b.add(t, spec.Function{Name: "echo"})
	made := check(b.CreateFunctionUrlConfig(ctx, &sdk.CreateFunctionUrlConfigInput{FunctionName: echo, AuthType: types.FunctionUrlAuthTypeNone, InvokeMode: types.InvokeModeResponseStream,
		Cors: &types.Cors{AllowOrigins: []string{"*"}, MaxAge: aws.Int32(60)}}))(t)
	if at, err := time.Parse("2006-01-02T15:04:05.000-0700", *made.CreationTime); err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("made at %s, %v", *made.CreationTime, err)
	}
	if *made.FunctionUrl != b.url+"/fn/echo/" || made.InvokeMode != types.InvokeModeResponseStream || *made.Cors.MaxAge != 60 {
		t.Errorf("%+v", made)
	}
	if fn, _ := b.catalog.Get(ctx, "echo", ""); fn.URL.InvokeMode != "RESPONSE_STREAM" || fn.URL.CORS.MaxAge.D().Seconds() != 60 {
		t.Errorf("%+v", fn.URL)
	}
	if up := check(b.UpdateFunctionUrlConfig(ctx, &sdk.UpdateFunctionUrlConfigInput{FunctionName: echo, InvokeMode: types.InvokeModeBuffered}))(t); up.InvokeMode != types.InvokeModeBuffered || up.Cors == nil {
		t.Errorf("%+v", up)
	}
	if l := check(b.ListFunctionUrlConfigs(ctx, &sdk.ListFunctionUrlConfigsInput{FunctionName: echo}))(t); len(l.FunctionUrlConfigs) != 1 {
		t.Errorf("%+v", l)
	}
	check(b.PublishVersion(ctx, &sdk.PublishVersionInput{FunctionName: echo}))(t)
	if got := check(b.GetFunctionUrlConfig(ctx, &sdk.GetFunctionUrlConfigInput{FunctionName: echo, Qualifier: aws.String("1")}))(t); *got.FunctionUrl != b.url+"/fn/echo:1/" {
		t.Errorf("of a version: %s", *got.FunctionUrl)
	}
	check(b.DeleteFunctionUrlConfig(ctx, &sdk.DeleteFunctionUrlConfigInput{FunctionName: echo}))(t)
	for _, qualifier := range []*string{nil, aws.String("1")} {
		var gone *types.ResourceNotFoundException
		if got, err := b.GetFunctionUrlConfig(ctx, &sdk.GetFunctionUrlConfigInput{FunctionName: echo, Qualifier: qualifier}); !errors.As(err, &gone) {
			t.Errorf("%+v, %v", got, err)
		}
	}
	made = check(b.CreateFunctionUrlConfig(ctx, &sdk.CreateFunctionUrlConfigInput{FunctionName: echo, AuthType: types.FunctionUrlAuthTypeNone}))(t)
	if made.Cors != nil || made.InvokeMode != types.InvokeModeBuffered {
		t.Errorf("%+v", made)
	}
}

func TestTagsAndAccount(t *testing.T) {
	b, ctx := newBench(t, gatewaytest.Echo), t.Context()
	b.add(t, spec.Function{Name: "echo", Concurrency: 3})
	arn := aws.String("arn:aws:lambda:us-east-1:000000000000:function:echo")
	check(b.TagResource(ctx, &sdk.TagResourceInput{Resource: arn, Tags: map[string]string{"a": "1", "b": "2"}}))(t)
	check(b.UntagResource(ctx, &sdk.UntagResourceInput{Resource: arn, TagKeys: []string{"a"}}))(t)
	if l := check(b.ListTags(ctx, &sdk.ListTagsInput{Resource: arn}))(t); len(l.Tags) != 1 || l.Tags["b"] != "2" {
		t.Errorf("%+v", l)
	}
	if s := check(b.GetAccountSettings(ctx, &sdk.GetAccountSettingsInput{}))(t); s.AccountUsage.FunctionCount != 1 || s.AccountLimit.ConcurrentExecutions != 3 {
		t.Errorf("%+v %+v", s.AccountLimit, s.AccountUsage)
	}
}

// TestPublishTakesTheSumThatIsShown: with another one nothing is published.
func TestPublishTakesTheSumThatIsShown(t *testing.T) {
	b, ctx := newBench(t, gatewaytest.Echo, func(o *lambda.Options) {
		o.Image = func(context.Context, string) (string, error) { return "sha256:" + strings.Repeat("ab", 32), nil }
	}), t.Context()
	made := check(b.CreateFunction(ctx, &sdk.CreateFunctionInput{FunctionName: echo, Role: aws.String("arn:r"), Code: &types.FunctionCode{ImageUri: aws.String("echo:1")}}))(t)
	var invalid *types.InvalidParameterValueException
	if _, err := b.PublishVersion(ctx, &sdk.PublishVersionInput{FunctionName: echo, CodeSha256: aws.String("other")}); !errors.As(err, &invalid) || !strings.Contains(err.Error(), *made.CodeSha256) {
		t.Errorf("another sum: %v", err)
	}
	if v := check(b.PublishVersion(ctx, &sdk.PublishVersionInput{FunctionName: echo, CodeSha256: made.CodeSha256}))(t); *v.Version != "1" || *v.CodeSha256 != *made.CodeSha256 {
		t.Errorf("%+v", v)
	}
}

// TestAURLIsCreatedOnce, and again once it has been deleted.
func TestAURLIsCreatedOnce(t *testing.T) {
	for _, auth := range []types.FunctionUrlAuthType{types.FunctionUrlAuthTypeNone, types.FunctionUrlAuthTypeAwsIam} {
		b, ctx := newBench(t, gatewaytest.Echo, func(o *lambda.Options) { o.Asks = func() bool { return true } }), t.Context()
		b.add(t, spec.Function{Name: "echo", URL: spec.URL{InvokeMode: "BUFFERED"}}) // as the registry has a function that says nothing of it
		in := &sdk.CreateFunctionUrlConfigInput{FunctionName: echo, AuthType: auth}
		check(b.CreateFunctionUrlConfig(ctx, in))(t)
		var there *types.ResourceConflictException
		if _, err := b.CreateFunctionUrlConfig(ctx, in); !errors.As(err, &there) || b.last.StatusCode != 409 {
			t.Errorf("%s: %v", auth, err)
		}
		check(b.DeleteFunctionUrlConfig(ctx, &sdk.DeleteFunctionUrlConfigInput{FunctionName: echo}))(t)
		if u := check(b.CreateFunctionUrlConfig(ctx, in))(t); u.AuthType != auth {
			t.Errorf("%+v", u)
		}
	}
}

// TestProvisionedNeedsAVersion: $LATEST has none, by name or without one.
func TestProvisionedNeedsAVersion(t *testing.T) {
	b := newBench(t, gatewaytest.Echo)
	b.add(t, spec.Function{Name: "echo"})
	var invalid *types.InvalidParameterValueException
	if _, err := b.PutProvisionedConcurrencyConfig(t.Context(), &sdk.PutProvisionedConcurrencyConfigInput{FunctionName: echo, Qualifier: aws.String("$LATEST"), ProvisionedConcurrentExecutions: aws.Int32(1)}); !errors.As(err, &invalid) {
		t.Error(err)
	}
}

// TestWhatNoFunctionHas is what Terraform and consoles ask of each: they hear that there is none of it.
func TestWhatNoFunctionHas(t *testing.T) {
	b, ctx := newBench(t, gatewaytest.Echo), t.Context()
	b.add(t, spec.Function{Name: "echo"})
	var absent *types.ResourceNotFoundException
	if _, err := b.GetPolicy(ctx, &sdk.GetPolicyInput{FunctionName: echo}); !errors.As(err, &absent) || !strings.Contains(err.Error(), "no policy") {
		t.Errorf("policy: %v", err)
	}
	if c := check(b.GetFunctionCodeSigningConfig(ctx, &sdk.GetFunctionCodeSigningConfigInput{FunctionName: echo}))(t); *c.FunctionName != "echo" || *c.CodeSigningConfigArn != "" {
		t.Errorf("%+v", c)
	}
	if c := check(b.GetRuntimeManagementConfig(ctx, &sdk.GetRuntimeManagementConfigInput{FunctionName: echo}))(t); c.UpdateRuntimeOn != types.UpdateRuntimeOnAuto {
		t.Errorf("%+v", c)
	}
	if l := check(b.ListLayers(ctx, &sdk.ListLayersInput{}))(t); len(l.Layers) > 0 {
		t.Errorf("%+v", l)
	}
	if l := check(b.ListEventSourceMappings(ctx, &sdk.ListEventSourceMappingsInput{FunctionName: echo}))(t); len(l.EventSourceMappings) > 0 {
		t.Errorf("%+v", l)
	}
	if _, err := b.GetFunctionCodeSigningConfig(ctx, &sdk.GetFunctionCodeSigningConfigInput{FunctionName: aws.String("ghost")}); !errors.As(err, &absent) {
		t.Errorf("of nobody: %v", err)
	}
}

// TestLambdasBounds: what lies outside of them is refused, and nothing is made or changed.
func TestLambdasBounds(t *testing.T) {
	b, ctx := newBench(t, gatewaytest.Echo), t.Context()
	long := strings.Repeat("ü", 257)
	var invalid *types.InvalidParameterValueException
	create := func(change func(*sdk.CreateFunctionInput)) error {
		in := &sdk.CreateFunctionInput{FunctionName: echo, Role: aws.String("arn:r"), Code: &types.FunctionCode{ImageUri: aws.String("reg/echo:1")}}
		change(in)
		_, err := b.CreateFunction(ctx, in)
		return err
	}
	for name, change := range map[string]func(*sdk.CreateFunctionInput){
		"little memory":    func(in *sdk.CreateFunctionInput) { in.MemorySize = aws.Int32(127) },
		"little scratch":   func(in *sdk.CreateFunctionInput) { in.EphemeralStorage = &types.EphemeralStorage{Size: aws.Int32(511)} },
		"long description": func(in *sdk.CreateFunctionInput) { in.Description = &long },
		"large environment": func(in *sdk.CreateFunctionInput) {
			in.Environment = &types.Environment{Variables: map[string]string{"A": strings.Repeat("x", 4096)}}
		},
		"a tag of AWS": func(in *sdk.CreateFunctionInput) { in.Tags = map[string]string{"aws:x": "y"} },
		"a long tag":   func(in *sdk.CreateFunctionInput) { in.Tags = map[string]string{"x": long} },
	} {
		if err := create(change); !errors.As(err, &invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	most := func(in *sdk.CreateFunctionInput) {
		in.MemorySize, in.EphemeralStorage = aws.Int32(128), &types.EphemeralStorage{Size: aws.Int32(512)}
		in.Description = aws.String(strings.Repeat("ü", 256))
		in.Environment = &types.Environment{Variables: map[string]string{"A": strings.Repeat("x", 4095)}}
		in.Tags = map[string]string{strings.Repeat("k", 128): strings.Repeat("v", 256)}
	}
	if err := create(most); err != nil {
		t.Fatal(err)
	}
	tags := map[string]string{}
	for i := range 50 {
		tags[fmt.Sprint(i)] = "v"
	}
	if _, err := b.TagResource(ctx, &sdk.TagResourceInput{Resource: aws.String("arn:aws:lambda:us-east-1:000000000000:function:echo"), Tags: tags}); !errors.As(err, &invalid) {
		t.Errorf("51 tags: %v", err)
	}
	cors := &types.Cors{AllowMethods: []string{"GET", "OPTIONS"}}
	if _, err := b.CreateFunctionUrlConfig(ctx, &sdk.CreateFunctionUrlConfigInput{FunctionName: echo, AuthType: types.FunctionUrlAuthTypeNone, Cors: cors}); !errors.As(err, &invalid) {
		t.Errorf("a method that CORS has not: %v", err)
	}
	if _, err := b.ListFunctions(ctx, &sdk.ListFunctionsInput{FunctionVersion: "SOME"}); !errors.As(err, &invalid) {
		t.Errorf("some versions: %v", err)
	}
	if fn, _ := b.catalog.Get(ctx, "echo", ""); len(fn.Labels) != 1 || fn.URL.CORS != nil {
		t.Errorf("%+v", fn)
	}
}
