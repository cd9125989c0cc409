package lambda

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"runtime"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/runtime/gateway"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// latest is the qualifier of the version that may change.
const latest = "$LATEST"

type functionList struct {
	Functions  []configuration `json:"Functions"`
	NextMarker string          `json:"NextMarker,omitempty"`
}

// listFunctions is ListFunctions; with FunctionVersion=ALL it lists published versions too.
func (a *API) listFunctions(w http.ResponseWriter, r *http.Request) error {
	fns, err := gateway.Latest(r.Context(), a.Functions)
	if err != nil {
		return err
	}
	which := r.URL.Query().Get("FunctionVersion")
	if which != "" && which != "ALL" {
		return invalid("FunctionVersion is %q; it takes ALL", which)
	}
	var all []configuration
	for _, fn := range fns {
		if which == "" {
			all = append(all, a.configure(r.Context(), fn, ""))
			continue
		}
		versions, err := a.Functions.Versions(r.Context(), fn.Name)
		if err != nil {
			return err
		}
		for _, v := range versions {
			all = append(all, a.configure(r.Context(), v, v.Version))
		}
	}
	page, next, err := paged(r, all)
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusOK, functionList{page, next})
	return nil
}

// pageSize is what Lambda gives where MaxItems is missing or larger.
const pageSize = 50

// paged cuts out what Marker and MaxItems ask for. A marker holds the number of items before it.
func paged[T any](r *http.Request, all []T) (page []T, next string, err error) {
	q, from, n := r.URL.Query(), 0, pageSize
	if m := q.Get("Marker"); m != "" {
		b, derr := base64.RawURLEncoding.DecodeString(m)
		if from, err = strconv.Atoi(string(b)); derr != nil || err != nil || from < 0 {
			return nil, "", invalid("Marker %q is not one that an earlier answer gave", m)
		}
	}
	if m := q.Get("MaxItems"); m != "" {
		if n, err = strconv.Atoi(m); err != nil || n < 1 || n > 10000 {
			return nil, "", invalid("MaxItems %q is not a number from 1 to 10000", m)
		}
		n = min(n, pageSize)
	}
	from = min(from, len(all))
	to := min(from+n, len(all))
	if to < len(all) {
		next = base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(to)))
	}
	return append([]T{}, all[from:to]...), next, nil
}

type functionCode struct {
	ImageURI       string `json:"ImageUri"`
	ResolvedURI    string `json:"ResolvedImageUri"`
	RepositoryType string `json:"RepositoryType"`
}

// resolvedImage names what the tag of a function's image stood for when it was deployed.
func resolvedImage(fn spec.Function) string {
	if fn.Resolved == "" {
		return fn.Image
	}
	name := fn.Image
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') { // else a registry's port, or no tag
		name = name[:i]
	}
	return name + "@" + fn.Resolved
}

type functionOutput struct {
	Configuration configuration     `json:"Configuration"`
	Code          functionCode      `json:"Code"`
	Tags          map[string]string `json:"Tags,omitempty"`
	Concurrency   *concurrency      `json:"Concurrency,omitempty"`
}

// getFunction is GetFunction.
func (a *API) getFunction(w http.ResponseWriter, r *http.Request) error {
	ref, fn, err := a.find(r)
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusOK, functionOutput{
		Configuration: a.configure(r.Context(), fn, ref.Qualifier),
		Code:          functionCode{fn.Image, resolvedImage(fn), "ECR"},
		Tags:          fn.Labels,
		Concurrency:   reservation(fn),
	})
	return nil
}

// getConfiguration is GetFunctionConfiguration.
func (a *API) getConfiguration(w http.ResponseWriter, r *http.Request) error {
	ref, fn, err := a.find(r)
	if err != nil {
		return err
	}
	gateway.WriteJSON(w, http.StatusOK, a.configure(r.Context(), fn, ref.Qualifier))
	return nil
}

// code is where a function's program comes from: an image.
type code struct {
	ImageURI string  `json:"ImageUri"`
	ZipFile  *string `json:"ZipFile"`
	S3Bucket *string `json:"S3Bucket"`
	S3Key    *string `json:"S3Key"`
}

func (c code) check() error {
	if c.ZipFile != nil || c.S3Bucket != nil || c.S3Key != nil {
		return invalid("only images are functions here; give Code.ImageUri and PackageType Image instead of ZipFile or S3 fields")
	}
	if c.ImageURI == "" {
		return invalid("Code.ImageUri is missing; name an OCI image such as localhost:5000/fn:1 or oci:PATH[:TAG]")
	}
	return nil
}

// unsupported are settings that mean nothing here: a caller that asks for them must not believe that it has them.
type unsupported struct {
	DeadLetterConfig     *struct{ TargetArn string } `json:"DeadLetterConfig"`
	VpcConfig            *vpc                        `json:"VpcConfig"`
	Layers               []string                    `json:"Layers"`
	KMSKeyArn            string                      `json:"KMSKeyArn"`
	FileSystemConfigs    []json.RawMessage           `json:"FileSystemConfigs"`
	SnapStart            *struct{ ApplyOn string }   `json:"SnapStart"`
	TracingConfig        *struct{ Mode string }      `json:"TracingConfig"`
	CodeSigningConfigArn string                      `json:"CodeSigningConfigArn"`
	Architectures        []string                    `json:"Architectures"`
	Runtime              string                      `json:"Runtime"`
	LoggingConfig        *logging                    `json:"LoggingConfig"`
}

// vpc is a network of AWS; clients that have none send it empty.
type vpc struct {
	SubnetIDs        []string `json:"SubnetIds"`
	SecurityGroupIDs []string `json:"SecurityGroupIds"`
	DualStack        bool     `json:"Ipv6AllowedForDualStack"`
}

// logging is how a function's logs are to be written.
type logging struct {
	LogFormat           string `json:"LogFormat"`
	ApplicationLogLevel string `json:"ApplicationLogLevel"`
	SystemLogLevel      string `json:"SystemLogLevel"`
	LogGroup            string `json:"LogGroup"`
}

// unlike says whether that is anything but how they are.
func (l *logging) unlike() bool {
	return l != nil && (l.LogFormat != "" && l.LogFormat != "Text" || l.ApplicationLogLevel+l.SystemLogLevel+l.LogGroup != "")
}

// check refuses what cannot be honoured, with what does the same here.
func (u unsupported) check() error {
	refused := func(name, instead string) error { return invalid("%s is not supported; %s", name, instead) }
	switch {
	case u.DeadLetterConfig != nil && u.DeadLetterConfig.TargetArn != "":
		return refused("DeadLetterConfig", "name an OnFailure destination with PutFunctionEventInvokeConfig")
	case u.VpcConfig != nil && (u.VpcConfig.DualStack || len(u.VpcConfig.SubnetIDs)+len(u.VpcConfig.SecurityGroupIDs) > 0):
		return refused("VpcConfig", "set network in the function's manifest")
	case len(u.Layers) > 0:
		return refused("Layers", "put their files into the image")
	case u.KMSKeyArn != "":
		return refused("KMSKeyArn", "there are no managed keys here")
	case len(u.FileSystemConfigs) > 0:
		return refused("FileSystemConfigs", "set mounts in the function's manifest")
	case u.CodeSigningConfigArn != "":
		return refused("CodeSigningConfigArn", "pin the image by its digest")
	case u.SnapStart != nil && u.SnapStart.ApplyOn != "" && u.SnapStart.ApplyOn != "None":
		return refused("SnapStart", "set snapshot in the function's manifest")
	case u.TracingConfig != nil && u.TracingConfig.Mode == "Active":
		return refused("TracingConfig Active", "the trace id reaches the function all the same")
	case u.Runtime != "":
		return refused("Runtime", "an image brings its own")
	case u.LoggingConfig.unlike():
		return refused("LoggingConfig", "logs are lines of text, as the function writes them")
	case len(u.Architectures) > 0 && (len(u.Architectures) > 1 || u.Architectures[0] != architecture):
		return invalid("Architectures is %v; this machine runs %s", u.Architectures, architecture)
	}
	return nil
}

// architecture is this machine's, in Lambda's word.
var architecture = map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH]

type createInput struct {
	settings
	unsupported
	FunctionName string            `json:"FunctionName"`
	PackageType  string            `json:"PackageType"`
	Code         code              `json:"Code"`
	Publish      bool              `json:"Publish"`
	Tags         map[string]string `json:"Tags"`
}

// createFunction is CreateFunction for images.
func (a *API) createFunction(w http.ResponseWriter, r *http.Request) error {
	var in createInput
	if err := a.decodeWhole(r, &in); err != nil {
		return err
	}
	ref, err := ParseRef(in.FunctionName)
	if err != nil {
		return err
	}
	if in.PackageType != "" && in.PackageType != "Image" {
		return invalid("PackageType %q is not supported; it must be Image", in.PackageType)
	}
	if err := errors.Join(in.Code.check(), in.unsupported.check()); err != nil {
		return err
	}
	if err := checkTags(in.Tags); err != nil {
		return err
	}
	fn := spec.Function{Name: ref.Name, Image: in.Code.ImageURI, Labels: maps.Clone(in.Tags)}
	if err := in.apply(&fn); err != nil {
		return err
	}
	a.edit.Lock()
	defer a.edit.Unlock()
	if _, err := a.Functions.Get(r.Context(), fn.Name, ""); err == nil {
		return conflict("function already exist: %s; UpdateFunctionCode and UpdateFunctionConfiguration change it", fn.Name)
	} else if !errdefs.IsNotFound(err) {
		return err
	}
	if fn, err = a.Functions.Put(r.Context(), fn); err != nil {
		return err
	}
	return a.writeConfiguration(w, r, fn, in.Publish, http.StatusCreated)
}

// answer describes $LATEST after a change, or the version that publishing it made.
func (a *API) writeConfiguration(w http.ResponseWriter, r *http.Request, fn spec.Function, publish bool, status int) error {
	qualifier := ""
	if publish {
		v, err := a.Functions.Publish(r.Context(), fn.Name, "")
		if err != nil {
			return err
		}
		fn, qualifier = v, v.Version
	}
	gateway.WriteJSON(w, status, a.configure(r.Context(), fn, qualifier))
	return nil
}

// deleteFunction is DeleteFunction, of one version with a qualifier.
func (a *API) deleteFunction(w http.ResponseWriter, r *http.Request) error {
	ref, _, err := a.find(r)
	if err != nil {
		return err
	}
	a.edit.Lock()
	defer a.edit.Unlock()
	if err := a.Functions.Delete(r.Context(), ref.Name, ref.Qualifier); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
