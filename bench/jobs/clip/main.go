// Command clip is the function that bench/jobs queues jobs for: it streams a "clip" that carries its prompt, its length and
// its digest, after as long as VIDEOSDGX_BENCH_DELAY says, so that a reader can tell a whole clip from a part of one, and
// whose it is. No two runs give the same clip: a job that was run to its end twice shows by its clip.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
)

// clipBytes is about the size of a clip.
const clipBytes = 128 << 10

func main() {
	delay, err := time.ParseDuration(os.Getenv("VIDEOSDGX_BENCH_DELAY"))
	if err != nil {
		delay = 20 * time.Millisecond
	}
	lambda.Start(func(ctx context.Context, e events.LambdaFunctionURLRequest) (*events.LambdaFunctionURLStreamingResponse, error) {
		var r struct{ Prompt string }
		if err := json.Unmarshal([]byte(e.Body), &r); err != nil {
			return nil, err
		}
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		return &events.LambdaFunctionURLStreamingResponse{
			StatusCode: http.StatusOK, Headers: map[string]string{"Content-Type": "video/mp4"}, Body: bytes.NewReader(clip(r.Prompt)),
		}, nil
	})
}

// clip is a line with the prompt, the rest's size and its digest, and the rest.
func clip(prompt string) []byte {
	line := []byte(prompt + " " + rand.Text() + "\n")
	body := bytes.Repeat(line, clipBytes/len(line)+1)
	return append(fmt.Appendf(nil, "%s %d %x\n", prompt, len(body), sha256.Sum256(body)), body...)
}
