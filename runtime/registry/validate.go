package registry

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/distribution/reference"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

var (
	nameForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	// A function, or one of its versions or aliases.
	targetForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9_-]{1,128})?$`)
	envForm    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	methodForm = regexp.MustCompile(`^(\*|[A-Z]+)$`)
	// A fully qualified CDI device: vendor/class=name (CNCF Container Device Interface, section 3).
	cdiForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*=[A-Za-z0-9][A-Za-z0-9._:-]*$`)
)

var deviceForm = regexp.MustCompile(`^(|auto|cpu|cuda(:[0-9]{1,2})?)$`)

// The most that a version may have of instances, events in one of them, and invocations that wait.
const (
	maxConcurrency  = 10000
	maxEventsAtOnce = 1000
	maxQueue        = 1000000
)

// checker collects the mistakes of one function.
type checker struct {
	file  string
	lines map[string]int
	errs  []error
}

func (c *checker) want(ok bool, field, allowed, text string, args ...any) {
	if !ok {
		c.errs = append(c.errs, &Mistake{File: c.file, Line: c.line(field), Field: field, Text: fmt.Sprintf(text, args...), Allowed: allowed})
	}
}

// line is that of the field, or of the nearest field around it that is written down.
func (c *checker) line(field string) int {
	for f := field; ; {
		if n, ok := c.lines[f]; ok {
			return n
		}
		i := strings.LastIndexAny(f, ".[")
		if i < 0 {
			return c.lines[""]
		}
		f = f[:i]
	}
}

// validate checks a function that has its defaults; file and lines may be empty.
func validate(fn *spec.Function, file string, lines map[string]int, warm int) error {
	c := &checker{file: file, lines: lines}
	c.identity(fn)
	c.counts(fn, warm)
	c.limits(fn)
	c.words(fn)
	c.cors(fn.URL.CORS)
	c.places(fn)
	c.async(fn)
	return errors.Join(c.errs...)
}

func (c *checker) identity(fn *spec.Function) {
	c.want(nameForm.MatchString(fn.Name), "name", "1 to 64 letters, digits, - and _", "%q is not a function's name", fn.Name)
	c.want(fn.Image != "" || len(fn.Command) > 0, "image", "an OCI reference or oci:DIR, or else a command", "neither image nor command is given")
	if fn.Image != "" && !strings.HasPrefix(fn.Image, "oci:") {
		_, err := reference.ParseDockerRef(fn.Image)
		c.want(err == nil, "image", "an OCI reference such as registry.example/wan21:1, or oci:FOLDER", "%q is not an image: %v", fn.Image, err)
	}
	for k, v := range fn.Env {
		field := "env." + k
		c.want(envForm.MatchString(k), field, "letters, digits and _, not beginning with a digit", "%q is not a variable's name", k)
		c.want(!slices.Contains(spec.Reserved, k), field, "any other name", "%s is set by the runtime itself", k)
		c.want(!strings.ContainsRune(v, 0), field, "text without NUL", "holds a NUL byte")
	}
	if m := fn.Model; m != nil {
		c.want(nameForm.MatchString(m.Name), "model.name", "1 to 64 letters, digits, - and _", "%q is not a model's name", m.Name)
		c.want(m.Bundle != "", "model.bundle", "a folder, or the name of one under the models folder", "is missing")
		c.want(deviceForm.MatchString(m.Device), "model.device", "auto, cpu, cuda or cuda:1", "%q is not a device", m.Device)
		c.want(slices.Contains([]string{"", "auto", "exact", "int8", "library"}, m.Attention), "model.attention", "auto, exact, int8 or library", "%q is no attention", m.Attention)
		c.want(slices.Contains([]string{"", "auto", "ort", "tensorrt"}, m.Engine), "model.engine", "auto, ort or tensorrt", "%q is not an engine", m.Engine)
		c.want(!strings.ContainsFunc(m.AcceptLicense, unicode.IsControl), "model.acceptLicense", "the licence's name as the model prints it", "holds control characters")
		c.want(m.Port >= 0 && m.Port < 65536, "model.port", "0 (none) to 65535", "is %d", m.Port)
	}
}

func (c *checker) counts(fn *spec.Function, warm int) {
	in := func(field string, v, lo, hi int) {
		c.want(v >= lo && v <= hi, field, fmt.Sprintf("%d to %d", lo, hi), "is %d", v)
	}
	in("concurrency", fn.Concurrency, 1, maxConcurrency)
	in("eventsAtOnce", fn.EventsAtOnce, 1, maxEventsAtOnce)
	most := max(fn.Concurrency, warm, 1)
	if fn.Reserved != nil {
		most = max(most, *fn.Reserved)
	}
	in("minInstances", fn.MinInstances, 0, most)
	in("staged", fn.StagedSpares, 0, 100)
	in("queueLimit", fn.QueueLimit, 1, maxQueue)
	in("requestLimit", fn.RequestLimit, 0, maxQueue)
	in("jobLimit", fn.JobLimit, 0, maxQueue)
}

func (c *checker) limits(fn *spec.Function) {
	l := fn.Limits
	c.want(l.Memory >= 16<<20, "limits.memory", "16MiB and more", "is %s", l.Memory)
	c.want(l.CPUs >= 0 && !math.IsInf(l.CPUs, 0) && !math.IsNaN(l.CPUs), "limits.cpus", "0 (no limit) or a number of processors", "is %v", l.CPUs)
	c.want(l.PIDs >= 8, "limits.pids", "8 and more", "is %d", l.PIDs)
	c.want(l.Payload > 0 && l.Payload <= 1<<30, "limits.payload", "1 to 1GiB", "is %s", l.Payload)
	c.want(fn.Timeout > 0 && fn.Timeout.D() <= 7*24*time.Hour, "timeout", "more than 0, at most 168h", "is %s", fn.Timeout)
	c.want(fn.InitTimeout > 0 && fn.InitTimeout.D() <= 24*time.Hour, "initTimeout", "more than 0, at most 24h", "is %s", fn.InitTimeout)
	c.want(fn.CancelGrace.D() <= time.Hour, "cancelGrace", "at most 1h", "is %s", fn.CancelGrace)
}

var (
	variableForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	secretForm   = regexp.MustCompile(`^(file:/.+|(credential|store):[A-Za-z0-9_][A-Za-z0-9._-]{0,127})$`)
)

func (c *checker) words(fn *spec.Function) {
	oneOf := func(field, v string, allowed ...string) {
		c.want(slices.Contains(allowed, v), field, strings.Join(allowed, ", "), "is %q", v)
	}
	for name, ref := range fn.Secrets {
		_, twice := fn.Env[name]
		c.want(variableForm.MatchString(name) && !strings.HasPrefix(name, "AWS_LAMBDA_") && !twice, "secrets."+name, "a variable's name that env has not", "is no such name")
		c.want(secretForm.MatchString(ref), "secrets."+name, "file:/ABSOLUTE/PATH, credential:NAME or store:NAME", "says of no place: a manifest says where a secret is, never what it is")
	}
	c.want(len(fn.Secrets) == 0 || fn.Snapshot != "always", "snapshot", "off or auto for a function with secrets, which a snapshot would hold", "is always")
	oneOf("network", fn.Network, "none", "bridge")
	oneOf("snapshot", fn.Snapshot, "off", "auto", "always")
	oneOf("snapshotOn", fn.SnapshotOn, "publish", "init")
	oneOf("url.invokeMode", fn.URL.InvokeMode, "BUFFERED", "RESPONSE_STREAM")
	oneOf("url.auth", cmp.Or(fn.URL.Auth, "key"), "key", "none")
	c.want(fn.SnapshotEvent == "" || json.Valid([]byte(fn.SnapshotEvent)), "snapshotEvent", "a JSON document", "is not JSON")
	for i, g := range fn.GPUs {
		if fn.GPUs.Any() > 0 {
			break
		}
		c.want(g == "all" || cdiForm.MatchString(g), fmt.Sprintf("gpus[%d]", i), `"all" or a CDI name such as nvidia.com/gpu=0; gpus: 2 asks for any two`, "is %q", g)
		alone := !slices.Contains(fn.GPUs[:i], g) && (g != "all" || len(fn.GPUs) == 1)
		c.want(alone, fmt.Sprintf("gpus[%d]", i), `each GPU once, or "all" by itself`, "is %q beside what gives it already", g)
	}
}

func (c *checker) cors(o *spec.CORS) {
	if o == nil {
		return
	}
	for i, v := range o.AllowOrigins {
		c.want(v == "*" || strings.Contains(v, "://"), fmt.Sprintf("url.cors.allowOrigins[%d]", i), `"*" or an origin such as https://example.com`, "is %q", v)
	}
	for i, v := range o.AllowMethods {
		c.want(methodForm.MatchString(v), fmt.Sprintf("url.cors.allowMethods[%d]", i), `"*" or a method in capitals such as GET`, "is %q", v)
	}
	c.want(o.MaxAge.D() <= 24*time.Hour, "url.cors.maxAge", "at most 24h", "is %s", o.MaxAge)
}

func (c *checker) places(fn *spec.Function) {
	for i, m := range fn.Mounts {
		at := fmt.Sprintf("mounts[%d]", i)
		c.want(m.Source != "", at+".source", "a path on this machine", "is missing")
		c.want(filepath.IsAbs(m.Target) && filepath.Clean(m.Target) != "/", at+".target", "an absolute path other than /", "is %q", m.Target)
	}
	c.want(fn.WorkDir == "" || fn.Image == "" || filepath.IsAbs(fn.WorkDir), "workDir", "an absolute path inside the image", "is %q", fn.WorkDir)
}

func (c *checker) async(fn *spec.Function) {
	a := fn.Async
	if n := a.Retries; n != nil {
		c.want(*n >= 0 && *n <= 2, "async.retries", "0, 1 or 2", "is %d", *n)
	}
	c.want(a.MaxAge == 0 || a.MaxAge.D() >= time.Second && a.MaxAge.D() <= 6*time.Hour, "async.maxAge", "1s to 6h", "is %s", a.MaxAge)
	c.target("async.onFailure", a.OnFailure)
	c.target("async.onSuccess", a.OnSuccess)
}

func (c *checker) target(field, v string) {
	u, err := url.Parse(v)
	web := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
	c.want(v == "" || web || targetForm.MatchString(v), field, "a function's NAME or NAME:QUALIFIER, or an http(s) URL", "is %q", v)
}
