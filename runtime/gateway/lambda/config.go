package lambda

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/google/uuid"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// configuration is Lambda's FunctionConfiguration, the fields that mean something here.
type configuration struct {
	FunctionName        string               `json:"FunctionName"`
	FunctionArn         string               `json:"FunctionArn"`
	Role                string               `json:"Role"` // kept and given back: permissions do not exist here
	Handler             string               `json:"Handler,omitempty"`
	CodeSize            int64                `json:"CodeSize"`
	Description         string               `json:"Description"`
	Timeout             int64                `json:"Timeout"`    // seconds
	MemorySize          int64                `json:"MemorySize"` // MiB
	LastModified        string               `json:"LastModified,omitempty"`
	CodeSha256          string               `json:"CodeSha256"`
	Version             string               `json:"Version"`
	Environment         *environment         `json:"Environment,omitempty"`
	RevisionID          string               `json:"RevisionId"`
	State               string               `json:"State"`
	StateReason         string               `json:"StateReason,omitempty"`
	StateReasonCode     string               `json:"StateReasonCode,omitempty"`
	LastUpdateStatus    string               `json:"LastUpdateStatus"`
	PackageType         string               `json:"PackageType"`
	ImageConfigResponse *imageConfigResponse `json:"ImageConfigResponse,omitempty"`
	EphemeralStorage    *ephemeralStorage    `json:"EphemeralStorage,omitempty"`
	Architectures       []string             `json:"Architectures"`
	TracingConfig       tracing              `json:"TracingConfig"`
}

type tracing struct{ Mode string }

type environment struct {
	Variables map[string]string `json:"Variables"`
}

type imageConfig struct {
	EntryPoint       []string `json:"EntryPoint,omitempty"`
	Command          []string `json:"Command,omitempty"`
	WorkingDirectory string   `json:"WorkingDirectory,omitempty"`
}

type imageConfigResponse struct {
	ImageConfig imageConfig `json:"ImageConfig"`
}

type ephemeralStorage struct {
	Size int64 `json:"Size"` // MiB
}

const mib = 1 << 20

// configure is a version as Lambda describes it. qualifier is how the caller named it, "" for the bare name.
func (a *API) configure(ctx context.Context, fn spec.Function, qualifier string) configuration {
	digest, missing := a.image(ctx, fn.Ref())
	c := configuration{
		FunctionName: fn.Name, FunctionArn: a.arn(fn.Name, qualifier), Role: cmp.Or(fn.Role, "arn:aws:iam::"+a.Account+":role/videosdgx"),
		Handler: fn.Handler, Description: fn.Description, Version: fn.Version,
		Timeout: int64(fn.Timeout.D().Round(time.Second) / time.Second), MemorySize: int64(fn.Limits.Memory) / mib,
		CodeSha256: codeSum(fn, digest), RevisionID: revision(fn),
		LastModified: lastModified(fn), State: "Active", LastUpdateStatus: "Successful", PackageType: "Image",
		Architectures: []string{architecture}, TracingConfig: tracing{"PassThrough"},
	}
	if missing != nil {
		c.State, c.StateReason, c.StateReasonCode = "Failed", gateway.Sentence(missing), reasonCode(missing)
	}
	if len(fn.Env) > 0 {
		c.Environment = &environment{fn.Env}
	}
	if len(fn.Command)+len(fn.Args) > 0 || fn.WorkDir != "" {
		c.ImageConfigResponse = &imageConfigResponse{imageConfig{fn.Command, fn.Args, fn.WorkDir}}
	}
	if fn.Limits.Scratch > 0 {
		c.EphemeralStorage = &ephemeralStorage{int64(fn.Limits.Scratch) / mib}
	}
	return c
}

// imageWait is how long describing a function waits for a registry to say something of its image.
const imageWait = 2 * time.Second

// image gives the digest of a function's image, or what says that there is none. Both are empty where nobody knows.
func (a *API) image(ctx context.Context, ref string) (digest string, missing error) {
	if ref == "" || a.Image == nil {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, imageWait)
	defer cancel()
	digest, err := a.Image(ctx, ref)
	if err == nil || ctx.Err() != nil || errdefs.IsUnavailable(err) {
		return digest, nil
	}
	return "", err
}

// reasonCode is Lambda's word for what is wrong with an image.
func reasonCode(err error) string {
	switch {
	case errdefs.IsNotFound(err):
		return "ImageDeleted"
	case errdefs.IsInvalidArgument(err):
		return "InvalidImage"
	}
	return "ImageAccessDenied"
}

// codeSum is of what is run, not of how: the image's digest, as at AWS, and with it what is mounted and mapped. Of a function
// that has no image it is the program's.
func codeSum(fn spec.Function, digest string) string {
	sum := strings.TrimPrefix(digest, "sha256:")
	if digest == "" || fn.Code != "" || fn.Image == "" {
		parts := []any{fn.Image, digest, fn.Code}
		if fn.Image == "" {
			parts = append(parts, fn.Command)
		}
		b, _ := json.Marshal(parts) // of strings: cannot fail
		whole := sha256.Sum256(b)
		sum = hex.EncodeToString(whole[:])
	}
	return sum
}

// lastModified has the form that Lambda writes: ISO 8601 with milliseconds and an offset without a colon.
func lastModified(fn spec.Function) string {
	if fn.Modified.IsZero() {
		return ""
	}
	return stamp(fn.Modified)
}

func stamp(t time.Time) string { return t.Format("2006-01-02T15:04:05.000-0700") }

// revision changes whenever anything about the version does; reserved concurrency is the function's.
func revision(fn spec.Function) string {
	fn.Reserved = nil
	b, _ := json.Marshal(fn) // of strings and numbers: cannot fail
	return uuid.NewHash(sha256.New(), uuid.Nil, b, 8).String()
}

// settings is what CreateFunction and UpdateFunctionConfiguration share; nil leaves a field as it is.
type settings struct {
	Description      *string           `json:"Description"`
	Handler          *string           `json:"Handler"`
	Role             *string           `json:"Role"`
	Timeout          *int64            `json:"Timeout"`
	MemorySize       *int64            `json:"MemorySize"`
	Environment      *environment      `json:"Environment"`
	ImageConfig      *imageConfig      `json:"ImageConfig"`
	EphemeralStorage *ephemeralStorage `json:"EphemeralStorage"`
}

// apply changes fn, which must be a copy that nobody else sees.
func (s settings) apply(fn *spec.Function) error {
	if err := s.check(); err != nil {
		return err
	}
	if s.Description != nil {
		fn.Description = *s.Description
	}
	if s.Handler != nil {
		fn.Handler = *s.Handler
	}
	if s.Role != nil {
		fn.Role = *s.Role
	}
	if s.Environment != nil {
		fn.Env = maps.Clone(s.Environment.Variables)
	}
	if err := positive("Timeout", "seconds", s.Timeout, func(n int64) { fn.Timeout = spec.Duration(time.Duration(n) * time.Second) }); err != nil {
		return err
	}
	if err := positive("MemorySize", "MiB", s.MemorySize, func(n int64) { fn.Limits.Memory = spec.Bytes(n * mib) }); err != nil {
		return err
	}
	if s.EphemeralStorage != nil {
		if err := positive("EphemeralStorage.Size", "MiB", &s.EphemeralStorage.Size, func(n int64) { fn.Limits.Scratch = spec.Bytes(n * mib) }); err != nil {
			return err
		}
	}
	s.ImageConfig.apply(fn)
	return nil
}

// maxSetting keeps sizes and durations far from overflow.
const maxSetting = 1 << 30

func positive(field, unit string, n *int64, set func(int64)) error {
	if n == nil {
		return nil
	}
	if *n < 1 || *n > maxSetting {
		return invalid("%s is %d; it takes 1 to %d %s", field, *n, maxSetting, unit)
	}
	set(*n)
	return nil
}

func (c *imageConfig) apply(fn *spec.Function) {
	if c == nil {
		return
	}
	fn.Command, fn.Args, fn.WorkDir = c.EntryPoint, c.Command, c.WorkingDirectory
}

// checkRevision refuses a change that was meant for another state of the function.
func checkRevision(have string, want *string) error {
	if want == nil || *want == "" || *want == have {
		return nil
	}
	return fmt.Errorf("the RevisionId provided does not match the latest one, %s; read the function again and retry: %w", have, errdefs.ErrFailedPrecondition)
}
