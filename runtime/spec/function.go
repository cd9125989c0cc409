package spec

import "time"

// LoRAVersion is what the versions begin with that serve a model with LoRAs merged in; the bundle's key follows.
const LoRAVersion = "lora-"

// Function is one version of a function: what function.yaml says, with defaults filled in. YAML and JSON use the same
// field names. The registry reads and validates it; nobody changes it afterwards.
type Function struct {
	Name        string            `yaml:"name" json:"name"`                                   // 1 to 64 letters, digits, - and _; needed
	Description string            `yaml:"description,omitempty" json:"description,omitempty"` // for people
	Version     string            `yaml:"-" json:"version"`                                   // "$LATEST" or a published number
	Modified    time.Time         `yaml:"-" json:"-"`                                         // when the version became what it is
	Digest      string            `yaml:"-" json:"digest"`                                    // sha256 of what makes an instance: the manifest but for its scaling fields, and all it points to
	Code        string            `yaml:"-" json:"code,omitempty"`                            // sha256 of the files that it points to besides the image; "": none
	Dir         string            `yaml:"-" json:"-"`                                         // folder of the manifest; relative paths start there
	Image       string            `yaml:"image" json:"image"`                                 // OCI reference, "oci:PATH" or "oci:PATH:TAG" for a layout or archive, or "" with a command
	Resolved    string            `yaml:"-" json:"resolved,omitempty"`                        // what the image's tag stood for at its registry when the function was deployed, a digest; "": what it stands for on this machine
	Command     []string          `yaml:"command,omitempty" json:"command,omitempty"`         // replaces the image's entrypoint and cmd; the process driver runs it
	Args        []string          `yaml:"args,omitempty" json:"args,omitempty"`               // replaces the image's cmd; with a command they come after it
	Handler     string            `yaml:"handler,omitempty" json:"handler,omitempty"`         // _HANDLER
	WorkDir     string            `yaml:"workDir,omitempty" json:"workDir,omitempty"`         // where the command starts; default the image's, or the manifest's folder
	Env         map[string]string `yaml:"env,omitempty" json:"env,omitempty"`                 // variables of the function
	Secrets     map[string]string `yaml:"secrets,omitempty" json:"secrets,omitempty"`         // variables whose values are elsewhere: file:/PATH, credential:NAME or store:NAME
	Role        string            `yaml:"-" json:"role,omitempty"`                            // an ARN that the API was given; it means nothing here
	Labels      map[string]string `yaml:"labels,omitempty" json:"labels,omitempty"`           // for people; the container gets them

	Model  *Model  `yaml:"model,omitempty" json:"model,omitempty"`
	Mounts []Mount `yaml:"mounts,omitempty" json:"mounts,omitempty"`

	Timeout       Duration `yaml:"timeout,omitempty" json:"timeout"`                     // of one invocation; default 15m
	InitTimeout   Duration `yaml:"initTimeout,omitempty" json:"initTimeout"`             // from start to the first /next; default 60s
	KeepAlive     Duration `yaml:"keepAlive,omitempty" json:"keepAlive"`                 // idle time until reaped; 0 means adaptive
	Concurrency   int      `yaml:"concurrency,omitempty" json:"concurrency"`             // instances at most; default 1
	EventsAtOnce  int      `yaml:"eventsAtOnce,omitempty" json:"eventsAtOnce"`           // AWS_LAMBDA_MAX_CONCURRENCY per instance; default 1
	Reserved      *int     `yaml:"-" json:"reserved,omitempty"`                          // of the API: takes concurrency's place in every version; 0: none may run
	MinInstances  int      `yaml:"minInstances,omitempty" json:"minInstances"`           // kept warm whatever happens
	StagedSpares  int      `yaml:"staged,omitempty" json:"staged"`                       // created, not started; default 0
	QueueLimit    int      `yaml:"queueLimit,omitempty" json:"queueLimit"`               // invocations that may wait for an instance; default 10000
	RequestLimit  int      `yaml:"requestLimit,omitempty" json:"requestLimit,omitempty"` // calls a minute, by all callers; default none
	JobLimit      int      `yaml:"jobLimit,omitempty" json:"jobLimit,omitempty"`         // jobs that may wait; default none
	Pin           bool     `yaml:"pin,omitempty" json:"pin"`                             // never evicted
	FreezeIdle    bool     `yaml:"freezeIdle,omitempty" json:"freezeIdle"`               // cgroup freezer between events, 0.5 s after one
	CancelGrace   Duration `yaml:"cancelGrace,omitempty" json:"cancelGrace"`             // from a cancel until the instance is replaced; default 800ms
	Limits        Limits   `yaml:"limits,omitempty" json:"limits"`
	GPUs          GPUs     `yaml:"gpus,omitempty" json:"gpus,omitempty"`                   // CDI device names, "nvidia.com/gpu=0" or "all"; or how many, whichever have room: a model is split over two and more
	DeviceMemory  Bytes    `yaml:"deviceMemory,omitempty" json:"deviceMemory"`             // on each GPU, until it is measured
	Network       string   `yaml:"network,omitempty" json:"network"`                       // "none" (loopback only, default) or "bridge"
	Snapshot      string   `yaml:"snapshot,omitempty" json:"snapshot"`                     // "off", "auto" (default), "always"
	SnapshotOn    string   `yaml:"snapshotOn,omitempty" json:"snapshotOn"`                 // "publish" or "init" (after the first initialisation; default)
	SnapshotEvent string   `yaml:"snapshotEvent,omitempty" json:"snapshotEvent,omitempty"` // JSON event answered before a snapshot may serve
	URL           URL      `yaml:"url,omitempty" json:"url"`
	Async         Async    `yaml:"async,omitempty" json:"async"`

	// Written has durations and sizes, by dotted path, as somebody wrote them: 90s, which is 1m30s. Absent ones have their
	// usual form.
	Written map[string]string `yaml:"-" json:"-"`
}

// MaxInstances is how many instances the version may have; 0 when the API took every one from it. What is provisioned stays
// when the reservation that made room for it goes.
func (f *Function) MaxInstances() int {
	if f.Reserved != nil {
		return *f.Reserved
	}
	return max(f.Concurrency, f.MinInstances, 1)
}

// Model names the bundle that a model function maps.
type Model struct {
	Name      string `yaml:"name" json:"name"`                               // public name under /v1/models
	Bundle    string `yaml:"bundle" json:"bundle"`                           // folder, absolute, relative to the manifest, or a name under DATA/models
	Port      int    `yaml:"port,omitempty" json:"port,omitempty"`           // REST port of its own; 0: none
	Device    string `yaml:"device,omitempty" json:"device,omitempty"`       // "auto" (default: a GPU where the function has one and the bundle graphs for it), "cpu", "cuda" or "cuda:1"
	Attention string `yaml:"attention,omitempty" json:"attention,omitempty"` // on a GPU: "auto" (default: the fastest exact one), "exact", this project's operator where there is one for the GPU, else the library's; "int8", the operator with scores of INT8 codes, faster and rounded, refused where there is none; "library"
	Engine    string `yaml:"engine,omitempty" json:"engine,omitempty"`       // "auto" (default: TensorRT on a GPU where the bundle has accepted plans that are as fast as ONNX Runtime, or they may be built while that answers), "ort" or "tensorrt"
	// The licence that is accepted, by the name that the model says where its own wants to be.
	AcceptLicense string `yaml:"acceptLicense,omitempty" json:"acceptLicense,omitempty"`
}

// Mount is one extra bind mount; read-only unless Writable.
type Mount struct {
	Source   string `yaml:"source" json:"source"`                         // a path on this machine; relative ones start at the manifest
	Target   string `yaml:"target" json:"target"`                         // an absolute path inside the instance
	Writable bool   `yaml:"writable,omitempty" json:"writable,omitempty"` // default read-only
}

// Limits bound one instance. Zero takes the default.
type Limits struct {
	Memory  Bytes   `yaml:"memory,omitempty" json:"memory"`   // of an instance; default 2GiB
	CPUs    float64 `yaml:"cpus,omitempty" json:"cpus"`       // 0: no limit
	PIDs    int64   `yaml:"pids,omitempty" json:"pids"`       // processes and threads; default 512
	Scratch Bytes   `yaml:"scratch,omitempty" json:"scratch"` // size of /tmp, in memory, at most half of it; default 512MiB
	Payload Bytes   `yaml:"payload,omitempty" json:"payload"` // largest event; default 6MiB
}

// URL configures the function URL.
type URL struct {
	InvokeMode string `yaml:"invokeMode,omitempty" json:"invokeMode"` // "BUFFERED" (default) or "RESPONSE_STREAM"
	CORS       *CORS  `yaml:"cors,omitempty" json:"cors,omitempty"`
	Auth       string `yaml:"auth,omitempty" json:"auth,omitempty"`     // "key" (default): callers of a server that asks who they are need the scope invoke; "none": nobody is asked
	Closed     bool   `yaml:"closed,omitempty" json:"closed,omitempty"` // there is none, as after DeleteFunctionUrlConfig

	Created time.Time `yaml:"-" json:"created,omitzero"` // when the API made it; zero: it came with the function
}

// CORS has the fields of Lambda's FunctionUrlConfig.
type CORS struct {
	AllowOrigins     []string `yaml:"allowOrigins,omitempty" json:"allowOrigins,omitempty"`         // origins that pages may come from, or "*"
	AllowMethods     []string `yaml:"allowMethods,omitempty" json:"allowMethods,omitempty"`         // methods that they may use, or "*"
	AllowHeaders     []string `yaml:"allowHeaders,omitempty" json:"allowHeaders,omitempty"`         // request headers that they may send
	ExposeHeaders    []string `yaml:"exposeHeaders,omitempty" json:"exposeHeaders,omitempty"`       // response headers that they may read
	AllowCredentials bool     `yaml:"allowCredentials,omitempty" json:"allowCredentials,omitempty"` // whether they may send cookies
	MaxAge           Duration `yaml:"maxAge,omitempty" json:"maxAge,omitempty"`                     // how long browsers remember this, at most 24h
}

// Async configures asynchronous (Event) invocations.
type Async struct {
	Retries   *int     `yaml:"retries,omitempty" json:"retries,omitempty"`     // 0–2; default 2
	MaxAge    Duration `yaml:"maxAge,omitempty" json:"maxAge,omitempty"`       // of a waiting event; default 6h
	OnFailure string   `yaml:"onFailure,omitempty" json:"onFailure,omitempty"` // a function's name or an http(s) URL
	OnSuccess string   `yaml:"onSuccess,omitempty" json:"onSuccess,omitempty"` // the same, for answers

	Modified time.Time `yaml:"-" json:"modified,omitzero"` // when the API set this; zero: the manifest says it
}
