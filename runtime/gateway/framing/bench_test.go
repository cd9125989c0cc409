package framing

import "testing"

// BenchmarkPass is a call as SDKs send it.
func BenchmarkPass(b *testing.B) {
	call := []byte("POST /2015-03-31/functions/hello/invocations HTTP/1.1\r\nHost: localhost:9000\r\nUser-Agent: aws-sdk-go-v2/1.30.3 os/linux lang/go#1.26 md/GOOS#linux api/lambda#1.56.3\r\n" +
		"Content-Length: 2\r\nAmz-Sdk-Invocation-Id: 0c3f7f9e-6a9e-4f2e-9c9b-7a0f8e6b5a11\r\nAmz-Sdk-Request: attempt=1; max=3\r\nX-Amz-Date: 20261128T190000Z\r\n" +
		"Authorization: AWS4-HMAC-SHA256 Credential=AKID/20261128/us-east-1/lambda/aws4_request, SignedHeaders=amz-sdk-invocation-id;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7\r\n" +
		"Accept-Encoding: identity\r\n\r\n{}")
	var w Watch
	b.ReportAllocs()
	for b.Loop() {
		if n, bad := w.Pass(call); n != len(call) || bad != nil {
			b.Fatal(n, bad)
		}
	}
}
