package lambda_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"

	"github.com/videosdgx/videosdgx/runtime/gateway/gatewaytest"
	"github.com/videosdgx/videosdgx/runtime/gateway/lambda"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

func withKeys(o *lambda.Options) { o.Keys = map[string]string{"AKID": "secret"} }

func TestSignedRequestsPassAndOthersAreRefused(t *testing.T) {
	b, ctx := newBench(t, gatewaytest.Echo, withKeys), t.Context()
	b.add(t, spec.Function{Name: "echo"})
	arn := aws.String("arn:aws:lambda:us-east-1:000000000000:function:echo")
	if out := check(b.Invoke(ctx, &sdk.InvokeInput{FunctionName: arn, Qualifier: aws.String("$LATEST"), Payload: []byte(`{"a":"ü"}`)}))(t); string(out.Payload) != `{"a":"ü"}` {
		t.Errorf("%s", out.Payload)
	}
	check(b.ListFunctions(ctx, &sdk.ListFunctionsInput{MaxItems: aws.Int32(3)}))(t)
	check(b.UntagResource(ctx, &sdk.UntagResourceInput{Resource: arn, TagKeys: []string{"b c", "a/+", "a"}}))(t)
	for name, cred := range map[string]aws.CredentialsProvider{
		"wrong secret": credentials.NewStaticCredentialsProvider("AKID", "other", ""),
		"empty secret": credentials.NewStaticCredentialsProvider("AKID2", " ", ""),
		"unknown key":  credentials.NewStaticCredentialsProvider("NOBODY", "secret", ""),
	} {
		// A client of its own: the SDK keeps derived keys by access key id.
		client := sdk.New(sdk.Options{Region: "us-east-1", BaseEndpoint: &b.url, HTTPClient: seen{b}, Credentials: cred, RetryMaxAttempts: 1})
		_, err := client.Invoke(ctx, &sdk.InvokeInput{FunctionName: echo})
		var api smithy.APIError
		if !errors.As(err, &api) || b.last.StatusCode != 403 {
			t.Errorf("%s: %v", name, err)
		}
	}
	resp, err := http.Get(b.url + "/2015-03-31/functions/")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 403 || resp.Header.Get("X-Amzn-Errortype") != "MissingAuthenticationTokenException" {
		t.Errorf("unsigned: %d %v", resp.StatusCode, resp.Header)
	}
}

// tampering changes a signed request on its way.
type tampering struct {
	change func(*http.Request)
	status int
}

func (d *tampering) Do(r *http.Request) (*http.Response, error) {
	d.change(r)
	resp, err := http.DefaultClient.Do(r)
	if err == nil {
		d.status = resp.StatusCode
	}
	return resp, err
}

func TestATamperedRequestIsRefused(t *testing.T) {
	b := newBench(t, gatewaytest.Echo, withKeys)
	b.add(t, spec.Function{Name: "echo"})
	b.add(t, spec.Function{Name: "other"})
	for name, change := range map[string]func(*http.Request){
		"path":  func(r *http.Request) { r.URL.Path = "/2015-03-31/functions/other/invocations" },
		"query": func(r *http.Request) { r.URL.RawQuery = "Qualifier=$LATEST" },
		"old": func(r *http.Request) {
			r.Header.Set("X-Amz-Date", time.Now().Add(-time.Hour).UTC().Format("20060102T150405Z"))
		},
		"date":   func(r *http.Request) { r.Header.Del("X-Amz-Date") },
		"header": func(r *http.Request) { r.Header.Set("X-Amz-Invocation-Type", "DryRun") },
		"garbage": func(r *http.Request) {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=zz")
		},
	} {
		d := &tampering{change: change}
		_, err := b.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: echo, InvocationType: "RequestResponse"}, func(o *sdk.Options) { o.HTTPClient = d })
		if err == nil || d.status != 403 {
			t.Errorf("%s: status %d, %v", name, d.status, err)
		}
	}
	ok := &tampering{change: func(r *http.Request) { r.Header.Set("X-Unsigned", "1") }}
	if _, err := b.Invoke(t.Context(), &sdk.InvokeInput{FunctionName: echo}, func(o *sdk.Options) { o.HTTPClient = ok }); err != nil {
		t.Errorf("a header that is not signed may be added by a proxy: %v", err)
	}
}
