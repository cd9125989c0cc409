// Command auth asks what it costs that a server asks who its callers are: warm calls with a key and with a JSON Web Token
// against the same calls of a server that asks nobody. Two servers of the same binary run side by side and take turns.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/videosdgx/videosdgx/bench/harness"
	"github.com/videosdgx/videosdgx/runtime/auth/token/forge"
	"github.com/videosdgx/videosdgx/runtime/client"
)

type options struct {
	server             harness.Options
	n, warmup, workers int
}

func main() {
	var o options
	o.server.Driver = "auto"
	o.server.Flags(flag.CommandLine)
	flag.IntVar(&o.n, "n", 3000, "calls per question")
	flag.IntVar(&o.warmup, "warmup", 300, "calls per question before that are not counted")
	flag.IntVar(&o.workers, "workers", 8, "callers at the same time when asking for throughput")
	harness.Main("auth", func(ctx context.Context) error { return run(ctx, o) })
}

const (
	issuer   = "https://issuer.example"
	audience = "videosdgx"
	function = "bench-auth"
)

// question is one kind of caller and what its calls took.
type question struct {
	name   string
	server *harness.Server
	bearer string
	alone  *harness.Samples
	rates  []float64
}

func run(ctx context.Context, o options) (err error) {
	if o.server.URL != "" {
		return errors.New("it compares two servers of its own: leave -server out")
	}
	open, dir, end, err := harness.Begin(ctx, o.server, "auth")
	if err != nil {
		return err
	}
	defer end(&err)
	i := forge.NewIssuer()
	jwks := filepath.Join(dir, "jwks.json")
	if err := os.WriteFile(jwks, i.JWKS(), 0o600); err != nil {
		return err
	}
	second := o.server
	second.Binary = open.Bin
	key, file, err := firstKey(ctx, open.Bin, dir)
	if err != nil {
		return err
	}
	second.Args = append(second.Args, "--keys", file, "--jwks", jwks, "--jwt-issuer", issuer, "--jwt-audience", audience)
	asking, err := harness.Start(ctx, second)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, asking.Stop()) }()
	echo, err := open.BuildEcho(ctx, dir)
	if err == nil {
		err = deploy(ctx, open, "", echo)
	}
	if err == nil {
		err = deploy(ctx, asking, key, echo)
	}
	if err != nil {
		return err
	}
	token := i.Token("rsa", forge.Good(issuer, audience, "bench", "invoke", time.Now()))
	all := []*question{{name: "open", server: open}, {name: "key", server: asking, bearer: key}, {name: "token", server: asking, bearer: token}}
	for _, q := range all {
		q.alone = harness.NewSamples()
	}
	err = harness.Rounds(ctx, func(ctx context.Context, round int) error {
		for k := range all {
			q := all[(k+round)%len(all)] // none is always the first
			if err := q.ask(ctx, o, round); err != nil {
				return fmt.Errorf("%s: %w", q.name, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return report(all)
}

// firstKey makes a key before the server starts, as somebody would whose server others reach.
func firstKey(ctx context.Context, bin, dir string) (key, file string, err error) {
	file = filepath.Join(dir, "keys.json")
	b, err := exec.CommandContext(ctx, bin, "keys", "create", "bench", "--scopes", "manage", "--file", file).Output()
	if err != nil {
		return "", "", fmt.Errorf("videosdgx keys create: %w", err)
	}
	return strings.TrimSpace(string(b)), file, nil
}

// deploy puts the echo function onto a server, by its key.
func deploy(ctx context.Context, s *harness.Server, key string, echo harness.Echo) error {
	c, err := client.New(client.Options{Server: s.URL, Key: key})
	if err != nil {
		return err
	}
	defer c.Close()
	manifest := echo.Manifest(function, map[string]any{"concurrency": 4, "eventsAtOnce": 2})
	return c.Call(ctx, http.MethodPut, "/api/v1/functions/"+function, manifest, nil)
}

func (q *question) ask(ctx context.Context, o options, round int) error {
	n := harness.Share(o.n, round)
	if n == 0 {
		return nil
	}
	for _, workers := range []int{1, o.workers} {
		c := q.server.InvokeAPI(function, workers)
		c.Bearer = q.bearer
		call := func(ctx context.Context, _ int) error { _, err := c.Call(ctx, []byte("{}")); return err }
		if _, _, err := harness.Flood(ctx, workers, max(o.warmup*n/o.n, 1), call); err != nil {
			return err
		}
		part, rate, err := harness.Flood(ctx, workers, n, call)
		c.Close()
		if err != nil {
			return err
		}
		if workers == 1 {
			q.alone.Take(part)
		} else {
			q.rates = append(q.rates, rate)
		}
	}
	return nil
}

func report(all []*question) error {
	r := harness.NewReport("auth")
	p50, rate := map[string]float64{}, map[string]float64{}
	for _, q := range all {
		r.Quantiles("auth_"+q.name, q.alone)
		r.Observe("auth_"+q.name+"_per_s", q.rates)
		p50[q.name], rate[q.name] = r.Figures["auth_"+q.name+"_p50_ms"], r.Figures["auth_"+q.name+"_per_s"]
	}
	r.Figure("key_overhead_us", 1000*(p50["key"]-p50["open"]))
	r.Figure("auth_overhead_us", 1000*(p50["token"]-p50["open"]))
	r.Figure("auth_per_s_ratio", rate["token"]/rate["open"])
	r.Want("auth_overhead_us", "≤ 60")
	r.Want("auth_per_s_ratio", "≥ 0.9")
	return r.Print(os.Stdout)
}
