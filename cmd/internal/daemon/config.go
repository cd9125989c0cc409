// Package daemon is the composition root: it turns a configuration into drivers, drivers into services, starts them in
// order and stops them in the opposite one. It is the only package that imports every other.
package daemon

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/videosdgx/videosdgx/runtime/spec"
)

// Config is everything that `videosdgx serve` can be told. Each field is a flag, a key of the configuration file and an
// environment variable VIDEOSDGX_… of the same name; flags win over the environment, and that over the file.
type Config struct {
	Listen         string        `yaml:"listen" help:"address of the HTTP API"`
	Socket         string        `yaml:"socket" help:"unix socket of the same API, for this machine's user and group; none: no socket (default DATA/videosdgx.sock)"`
	Hosts          string        `yaml:"hosts" help:"host names that the server answers to besides localhost and its own addresses, with commas between them; *.example.com stands for all below, * for any"`
	Proxies        string        `yaml:"proxies" help:"addresses and prefixes of proxies in front, by commas: their X-Forwarded-For says who calls, for limits, the audit log and functions, and what others say of it is dropped; empty: nobody is asked"`
	Connections    int64         `yaml:"connections" help:"HTTP connections at most, half of them of one client; 0: half of the files that the server may open"`
	Data           string        `yaml:"data" help:"folder of all state: images, models, jobs, logs, snapshots"`
	Functions      string        `yaml:"functions" help:"folder with one subfolder and function.yaml per function, watched for changes (default DATA/functions)"`
	Models         string        `yaml:"models" help:"folder of model bundles (default DATA/models)"`
	Outputs        string        `yaml:"outputs" help:"folder of finished clips (default DATA/outputs)"`
	Driver         string        `yaml:"driver" help:"how instances run: auto, containerd or process"`
	Containerd     string        `yaml:"containerd" help:"socket of containerd; empty: the system's when it answers, else a private one"`
	Runtime        string        `yaml:"runtime" help:"OCI runtime: runc, crun or a path; empty: the first one found"`
	Init           string        `yaml:"init" help:"the videosdgx-init program (default: beside this program)"`
	Queue          string        `yaml:"queue" help:"job store: sqlite, or redis://HOST:PORT/DB shared by several machines"`
	Node           string        `yaml:"node" help:"name of this machine among those that share a queue (default: host name)"`
	WebhookSecret  string        `yaml:"webhookSecret" help:"signs webhooks, as whsec_ and base64 or where that is (file:/PATH, credential:NAME of systemd), which receivers' Standard Webhooks libraries take as it is; empty: one is made and kept in DATA/webhook.key, which nodes of one queue must share. Two with a blank between them, or on two lines of that file, both sign while receivers learn the first"`
	Origins        string        `yaml:"origins" help:"origins of web pages that may use /v1 and the models' own ports, such as https://app.example.com, by commas; *: any"`
	Outgoing       string        `yaml:"outgoing" help:"private addresses that webhooks, destinations and what registries point to may be: addresses, prefixes such as 10.0.0.0/8 and host names, by commas; 127.0.0.1 for this machine; link-local and metadata addresses are never called"`
	ModelsAtOnce   int64         `yaml:"modelsAtOnce" help:"models whose jobs run at the same time; others wait their turn"`
	KeepJobs       spec.Duration `yaml:"keepJobs" help:"how long ended jobs and their clips are kept"`
	KeepClips      spec.Bytes    `yaml:"keepClips" help:"disk that clips may use together, the oldest go first; 0: no limit"`
	KeepLogs       spec.Duration `yaml:"keepLogs" help:"how long logs of instances that have ended are kept, of functions that are gone, too; 0s: until others need the room"`
	LogsLimit      spec.Bytes    `yaml:"logsLimit" help:"disk that functions' logs may use together, the oldest go first; 0: no limit"`
	ModelsLimit    spec.Bytes    `yaml:"modelsLimit" help:"disk that bundles and pulled checkpoints may use together; what would not fit is neither pulled nor built; 0: no limit"`
	DiskReserve    spec.Bytes    `yaml:"diskReserve" help:"free space on the disk of clips below which no job is taken or started; those that run go on. From 95 % on, with less than 10 GiB free, merged models, snapshots and logs that nobody uses are removed first"`
	LoRACache      spec.Bytes    `yaml:"loraCache" help:"disk that the merged models which requests with loras have asked for may use together, the least recently used go first; 0: no limit"`
	Reuse          string        `yaml:"reuse" help:"when /generate answers with the clip of an earlier request that asked the same of the same bundle: asked (where it says Prefer: cache), always (wherever it gives its seed), off"`
	Similar        float64       `yaml:"similar" help:"how alike two prompts must be, by the model's text encoder, for the clip of one to be offered for the other, or served where the request says Prefer: similar; 1: the same to it; 0: never"`
	ModelHost      string        `yaml:"modelHost" help:"address on which the models' own REST ports listen; none: no ports"`
	MountRoots     string        `yaml:"mountRoots" help:"folders besides the data folder and a manifest's own that functions may mount, separated by colons"`
	ImageLimit     spec.Bytes    `yaml:"imageLimit" help:"the most that one image may unpack to"`
	Memory         spec.Bytes    `yaml:"memory" help:"memory that instances may use together; 0: what the machine has, less a reserve"`
	KeepAlive      spec.Duration `yaml:"keepAlive" help:"how long an idle instance stays while there is too little history to adapt"`
	Snapshots      string        `yaml:"snapshots" help:"warm snapshots: auto or off"`
	SnapshotMB     int64         `yaml:"snapshotMB" help:"disk that snapshots may use together, in MB"`
	Keys           string        `yaml:"keys" help:"file of API keys, which nodes of one queue share (default DATA/keys.json); once it has one, every request must carry one"`
	JWKS           string        `yaml:"jwks" help:"public keys of the issuer whose JSON Web Tokens are taken besides keys: a file, or an https:// address"`
	JWTIssuer      string        `yaml:"jwtIssuer" help:"what the tokens' iss must be"`
	JWTAudience    string        `yaml:"jwtAudience" help:"what the tokens' aud must be, or hold"`
	JWTLeeway      spec.Duration `yaml:"jwtLeeway" help:"how far the issuer's clock and this one may be apart"`
	Insecure       bool          `yaml:"insecure" help:"listen where others reach it although nobody is asked who they are: whoever does controls this machine"`
	TLSCert        string        `yaml:"tlsCert" help:"certificate in PEM with which the API and the models' ports speak TLS; read again when it changes"`
	TLSKey         string        `yaml:"tlsKey" help:"key of the certificate, in PEM"`
	TLSClientCA    string        `yaml:"tlsClientCA" help:"authorities in PEM of which callers must show a certificate: mutual TLS, as between nodes and their proxy"`
	ACME           string        `yaml:"acme" help:"names, by commas, for which certificates are asked of an ACME authority; its challenges come to the API's port, which must be 443 to the outside"`
	ACMEDirectory  string        `yaml:"acmeDirectory" help:"directory of the ACME authority; empty: Let's Encrypt"`
	ACMECA         string        `yaml:"acmeCA" help:"authorities in PEM that vouch for the directory itself, of a private ACME authority"`
	ACMEEmail      string        `yaml:"acmeEmail" help:"address at which the ACME authority can warn you"`
	QueueCA        string        `yaml:"queueCA" help:"authorities in PEM that vouch for the Redis of a rediss:// queue; empty: the system's"`
	QueueCert      string        `yaml:"queueCert" help:"certificate in PEM that is shown to Redis"`
	QueueKey       string        `yaml:"queueKey" help:"key of that certificate"`
	AccessKey      string        `yaml:"accessKey" help:"AWS access key id that requests to the Lambda API are signed with; where there are no API keys and nobody else reaches the port, all else stays open; empty: any signature is accepted, or none where there are API keys"`
	SecretKey      string        `yaml:"secretKey" help:"secret of the access key, or where it is: file:/PATH, credential:NAME"`
	ClientRequests int64         `yaml:"clientRequests" help:"requests that one client may send in a minute, by its key or token, else by its address; 0: no limit"`
	ClientQueued   int64         `yaml:"clientQueued" help:"jobs of one client that may wait; 0: no limit"`
	ClientRunning  int64         `yaml:"clientRunning" help:"jobs of one client that run at the same time; 0: no limit"`
	ClientSeconds  int64         `yaml:"clientSeconds" help:"seconds that all attempts of the jobs of one client may run in a day of UTC, times the GPUs that they have; 0: no limit"`
	ClientStored   spec.Bytes    `yaml:"clientStored" help:"disk that the clips of one client may use; 0: no limit"`
	SecretsDir     string        `yaml:"secretsDir" help:"folders, separated by colons, in which manifests' secrets may name files, besides /run/secrets"`
	SecretsKey     string        `yaml:"secretsKey" help:"file of the age identity that the store of secrets is encrypted for (default DATA/secrets.key); better among systemd's credentials than beside the data"`
	Audit          string        `yaml:"audit" help:"whether DATA/audit has a line for each request that changes something or is refused: auto (where callers are asked who they are), on or off"`
	PromptChars    int64         `yaml:"promptChars" help:"characters that a text of a request may have; 0: what the model takes"`
	DenyList       string        `yaml:"denyList" help:"file with words, phrases and /regular expressions/, one a line, that no text of a request may have; letters of other alphabets that look alike (UTS #39) are taken for them, other spellings are not"`
	Moderation     string        `yaml:"moderation" help:"address that is asked of every request of a model before it is queued or its function called: it gets {client, texts} and answers {allow, reason}; while it does not answer nothing is queued"`
	Backup         string        `yaml:"backup" help:"folder, on another disk, into which the server backs itself up; empty: it does not. 'videosdgx backup' makes backups at any time"`
	BackupEvery    spec.Duration `yaml:"backupEvery" help:"how long after a backup the next is made"`
	BackupKeep     int64         `yaml:"backupKeep" help:"how many backups are kept; 0: all"`
	BackupFor      string        `yaml:"backupFor" help:"age recipients that backups are encrypted for, by commas; empty: they are not encrypted"`
	Traces         string        `yaml:"traces" help:"OpenTelemetry collector that gets spans of requests and jobs by OTLP, as http://HOST:4318, https://HOST:4318, grpc://HOST:4317 or grpcs://HOST:4317; empty: OTEL_EXPORTER_OTLP_ENDPOINT, and without that none are made. What is not said here the other OTEL_ variables say"`
	TraceRatio     string        `yaml:"traceRatio" help:"part of the traces that begin here which is kept, from 0 to 1; those that come with a request are kept as their caller decided; empty: OTEL_TRACES_SAMPLER, else all"`
	TraceHeaders   string        `yaml:"traceHeaders" help:"headers for the collector, as name=value by commas, or where they are: file:/PATH, credential:NAME"`
	LogLevel       string        `yaml:"logLevel" help:"debug, info, warn or error"`
	LogFormat      string        `yaml:"logFormat" help:"text or json"`
	Stop           spec.Duration `yaml:"stop" help:"how long invocations in flight may take to finish at a stop"`
}

// Default is the configuration before anything is said. Root keeps state in /var/lib, everybody else at home.
func Default() Config {
	data := "/var/lib/videosdgx"
	if home, err := os.UserHomeDir(); err == nil && os.Geteuid() != 0 {
		data = filepath.Join(home, ".local/share/videosdgx")
	}
	host, _ := os.Hostname()
	return Config{
		Listen: "127.0.0.1:9000", Data: data, Driver: "auto", Queue: "sqlite", Reuse: "asked", Similar: 0.95, Node: host, ModelsAtOnce: 1, LoRACache: 20 << 30, DiskReserve: 256 << 20, KeepJobs: spec.Duration(30 * 24 * 3600e9), KeepLogs: spec.Duration(30 * 24 * 3600e9), LogsLimit: 4 << 30, ModelHost: "127.0.0.1",
		KeepAlive: spec.Duration(15 * 60e9), Snapshots: "auto", SnapshotMB: 20000, ImageLimit: 64 << 30, JWTLeeway: spec.Duration(30e9), BackupEvery: spec.Duration(24 * 3600e9), BackupKeep: 14, LogLevel: "info", LogFormat: "text", SecretsDir: "/etc/videosdgx/secrets", Audit: "auto", Stop: spec.Duration(20e9),
	}
}

// WithDefaults fills in the paths that follow from others, and makes those that are given absolute: instances run elsewhere.
func (c Config) WithDefaults() Config {
	for _, path := range []*string{&c.Data, &c.Functions, &c.Models, &c.Outputs, &c.Init, &c.Keys, &c.Backup, &c.DenyList, &c.TLSCert, &c.TLSKey, &c.TLSClientCA, &c.ACMECA, &c.QueueCA, &c.QueueCert, &c.QueueKey} {
		if abs, err := filepath.Abs(*path); *path != "" && err == nil {
			*path = abs
		}
	}
	for _, d := range []struct {
		path *string
		name string
	}{{&c.Functions, "functions"}, {&c.Models, "models"}, {&c.Outputs, "outputs"}} {
		if *d.path == "" {
			*d.path = filepath.Join(c.Data, d.name)
		}
	}
	if c.Keys == "" {
		c.Keys = filepath.Join(c.Data, "keys.json")
	}
	if c.SecretsKey == "" {
		c.SecretsKey = filepath.Join(c.Data, "secrets.key")
	}
	if c.Socket == "" {
		c.Socket = filepath.Join(c.Data, "videosdgx.sock")
	}
	if exe, err := os.Executable(); c.Init == "" && err == nil {
		c.Init = filepath.Join(filepath.Dir(exe), "videosdgx-init")
	}
	return c
}

// Validate checks every field and says all that is wrong at once.
func (c Config) Validate() error {
	var errs []error
	oneOf := func(name, value string, allowed ...string) {
		if !slices.Contains(allowed, value) {
			errs = append(errs, fmt.Errorf("%s is %q: it must be one of %v", name, value, allowed))
		}
	}
	oneOf("driver", c.Driver, "auto", "containerd", "process")
	oneOf("snapshots", c.Snapshots, "auto", "off")
	oneOf("reuse", c.Reuse, "asked", "always", "off")
	errs = append(errs, c.checkSimilar())
	oneOf("logLevel", c.LogLevel, "debug", "info", "warn", "error")
	oneOf("audit", c.Audit, "auto", "on", "off")
	oneOf("logFormat", c.LogFormat, "text", "json")
	if _, port, err := net.SplitHostPort(c.Listen); err != nil {
		errs = append(errs, fmt.Errorf("listen is %q: write HOST:PORT, such as 127.0.0.1:9000", c.Listen))
	} else if n, err := strconv.Atoi(port); err == nil && (n < 0 || n > 65535) { // names of services are ports too
		errs = append(errs, fmt.Errorf("listen is %q: its port must lie in 0…65535", c.Listen))
	}
	errs = append(errs, c.checkNumbers())
	if c.Backup != "" && c.BackupEvery < spec.Duration(60e9) {
		errs = append(errs, fmt.Errorf("backupEvery is %s: it must be at least 1m", c.BackupEvery.D()))
	}
	if _, err := spec.ParseMountRoots(c.MountRoots); err != nil {
		errs = append(errs, err)
	}
	if c.Data == "" {
		errs = append(errs, errors.New("data is empty: name the folder of all state"))
	}
	if (c.AccessKey == "") != (c.SecretKey == "") {
		errs = append(errs, errors.New("accessKey and secretKey go together: give both or neither"))
	}
	for _, pair := range [][4]string{{"tlsCert", c.TLSCert, "tlsKey", c.TLSKey}, {"queueCert", c.QueueCert, "queueKey", c.QueueKey}} {
		if (pair[1] == "") != (pair[3] == "") {
			errs = append(errs, fmt.Errorf("%s and %s go together: give both or neither", pair[0], pair[2]))
		}
	}
	if c.ACME != "" && c.TLSCert != "" {
		errs = append(errs, errors.New("acme and tlsCert exclude each other: name a certificate, or have one made"))
	}
	if c.TLSClientCA != "" && c.TLSCert == "" {
		errs = append(errs, errors.New("tlsClientCA needs tlsCert and tlsKey"))
	}
	if c.JWKS != "" && (c.JWTIssuer == "" || c.JWTAudience == "") {
		errs = append(errs, errors.New("jwks goes with jwtIssuer and jwtAudience: without them a token for somebody else would do"))
	}
	return errors.Join(errs...)
}

func (c Config) checkSimilar() error {
	if c.Similar == 0 || c.Similar >= 0.5 && c.Similar <= 1 {
		return nil
	}
	return fmt.Errorf("similar is %v: it must be 0 or lie in 0.5…1", c.Similar)
}

// checkNumbers says which numbers are too small.
func (c Config) checkNumbers() error {
	var errs []error
	atLeast := func(name string, value, least int64) {
		if value < least {
			errs = append(errs, fmt.Errorf("%s is %d: it must be at least %d", name, value, least))
		}
	}
	atLeast("modelsAtOnce", c.ModelsAtOnce, 1)
	atLeast("diskReserve", int64(c.DiskReserve), 1<<20)
	atLeast("keepLogs", int64(c.KeepLogs), 0)
	if c.LogsLimit != 0 {
		atLeast("logsLimit", int64(c.LogsLimit), 1<<20)
	}
	atLeast("snapshotMB", c.SnapshotMB, 0)
	atLeast("promptChars", c.PromptChars, 0)
	for name, value := range map[string]int64{"connections": c.Connections, "backupKeep": c.BackupKeep, "clientRequests": c.ClientRequests, "clientQueued": c.ClientQueued, "clientRunning": c.ClientRunning, "clientSeconds": c.ClientSeconds} {
		atLeast(name, value, 0)
	}
	return errors.Join(errs...)
}
