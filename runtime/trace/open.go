package trace

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/containerd/errdefs"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
	"go.opentelemetry.io/otel/trace"
)

// Options say where spans go. What they leave open the environment says, in OpenTelemetry's own variables.
type Options struct {
	Endpoint string // http(s)://HOST:4318 or grpc(s)://HOST:4317; "": OTEL_EXPORTER_OTLP_ENDPOINT
	Headers  string // key=value, by commas, sent along; "": OTEL_EXPORTER_OTLP_HEADERS
	Ratio    string // of the traces that begin here, 0 to 1; "": OTEL_TRACES_SAMPLER, else all
	Node     string // name of this machine
	Version  string // of the program
	Log      *slog.Logger
}

// Tracer makes spans. Safe for concurrent use.
type Tracer struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
	carrier  propagation.TextMapPropagator
}

// Open gives a tracer, or nil where neither o nor the environment names a collector. It does not wait for the collector:
// what one that does not answer misses is dropped, and told in the log. Errors are InvalidArgument.
func Open(ctx context.Context, o Options, getenv func(string) string) (*Tracer, error) {
	on, err := wanted(o, getenv)
	if !on || err != nil {
		return nil, err
	}
	exporter, err := o.exporter(ctx, getenv)
	if err != nil {
		return nil, err
	}
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithAttributes(semconv.ServiceName("videosdgx"), semconv.ServiceVersion(o.Version), semconv.ServiceInstanceID(o.Node)), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("traces: OTEL_RESOURCE_ATTRIBUTES: %w: %w", err, errdefs.ErrInvalidArgument)
	}
	settings := []sdk.TracerProviderOption{sdk.WithBatcher(exporter), sdk.WithResource(about), sdk.WithIDGenerator(ids{})}
	if o.Ratio != "" {
		part, err := ratio(o.Ratio)
		if err != nil {
			return nil, err
		}
		settings = append(settings, sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(part))))
	}
	otel.SetErrorHandler(&complaints{log: o.Log, every: time.Minute})
	return newTracer(sdk.NewTracerProvider(settings...), getenv)
}

func newTracer(p *sdk.TracerProvider, getenv func(string) string) (*Tracer, error) {
	carrier, err := carriers(getenv("OTEL_PROPAGATORS"))
	return &Tracer{provider: p, tracer: p.Tracer("github.com/videosdgx/videosdgx"), carrier: carrier}, err
}

// Check says what is wrong with options that Open would take; it sends nothing.
func (o Options) Check(getenv func(string) string) error {
	t, err := Open(context.Background(), o, getenv)
	if t != nil {
		t.Close(context.Background())
	}
	return err
}

// Close sends what has not been sent yet, for as long as ctx and a few seconds allow.
func (t *Tracer) Close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		otel.Handle(err)
	}
}

// wanted says whether somebody names a collector.
func wanted(o Options, getenv func(string) string) (bool, error) {
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") {
		return false, nil
	}
	switch e := getenv("OTEL_TRACES_EXPORTER"); {
	case e == "none" && o.Endpoint == "":
		return false, nil
	case e != "" && e != "otlp" && e != "none":
		return false, invalid("OTEL_TRACES_EXPORTER is %q: write otlp or none", e)
	case e == "otlp":
		return true, nil
	}
	return o.Endpoint+getenv("OTEL_EXPORTER_OTLP_ENDPOINT")+getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "", nil
}

// exporter speaks the protocol that the endpoint's scheme or the environment names.
func (o Options) exporter(ctx context.Context, getenv func(string) string) (sdk.SpanExporter, error) {
	headers, err := pairs(o.Headers)
	if err != nil {
		return nil, err
	}
	protocol := cmp.Or(getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), getenv("OTEL_EXPORTER_OTLP_PROTOCOL"), "http/protobuf")
	address := o.Endpoint
	if address != "" {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" {
			return nil, invalid("traces is %q: write http://HOST:4318, https://HOST:4318, grpc://HOST:4317 or grpcs://HOST:4317", address)
		}
		switch u.Scheme {
		case "grpc", "grpcs":
			protocol, u.Scheme = "grpc", strings.Replace(u.Scheme, "grpc", "http", 1)
		case "http", "https":
			protocol = "http/protobuf"
			if u.Path == "" || u.Path == "/" {
				u.Path = "/v1/traces"
			}
		default:
			return nil, invalid("traces is %q: its scheme must be http, https, grpc or grpcs", address)
		}
		address = u.String()
	}
	switch protocol {
	case "http/protobuf":
		return otlptrace.New(ctx, otlptracehttp.NewClient(overHTTP(address, headers)...))
	case "grpc":
		return otlptrace.New(ctx, otlptracegrpc.NewClient(overGRPC(address, headers)...))
	}
	return nil, invalid("OTEL_EXPORTER_OTLP_PROTOCOL is %q: write http/protobuf or grpc", protocol)
}

func overHTTP(address string, headers map[string]string) (all []otlptracehttp.Option) {
	if address != "" {
		all = append(all, otlptracehttp.WithEndpointURL(address))
	}
	if len(headers) > 0 {
		all = append(all, otlptracehttp.WithHeaders(headers))
	}
	return all
}

func overGRPC(address string, headers map[string]string) (all []otlptracegrpc.Option) {
	if address != "" {
		all = append(all, otlptracegrpc.WithEndpointURL(address))
	}
	if len(headers) > 0 {
		all = append(all, otlptracegrpc.WithHeaders(headers))
	}
	return all
}

func pairs(text string) (map[string]string, error) {
	all := map[string]string{}
	for _, item := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == '\n' }) {
		name, value, ok := strings.Cut(item, "=")
		if !ok || strings.TrimSpace(name) == "" {
			return nil, invalid("traceHeaders has an item without =: write name=value, with commas between several")
		}
		all[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return all, nil
}

func ratio(text string) (float64, error) {
	part, err := strconv.ParseFloat(text, 64)
	if err != nil || !(part >= 0 && part <= 1) {
		return 0, invalid("traceRatio is %q: write a number from 0, none of the traces that begin here, to 1, all", text)
	}
	return part, nil
}

// carriers are the headers that traces come and go in.
func carriers(names string) (propagation.TextMapPropagator, error) {
	var all []propagation.TextMapPropagator
	for _, name := range strings.Split(cmp.Or(names, "xray,tracecontext,baggage"), ",") {
		switch strings.TrimSpace(name) {
		case "tracecontext":
			all = append(all, propagation.TraceContext{})
		case "baggage":
			all = append(all, propagation.Baggage{})
		case "xray":
			all = append(all, xray{})
		case "none":
		default:
			return nil, invalid("OTEL_PROPAGATORS names %q: this program knows tracecontext, baggage, xray and none", name)
		}
	}
	return propagation.NewCompositeTextMapPropagator(all...), nil
}

func invalid(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, errdefs.ErrInvalidArgument)...)
}

// complaints logs what the exporter says, once in a while: a collector that is away says the same every few seconds.
type complaints struct {
	log   *slog.Logger
	every time.Duration

	mu   sync.Mutex
	last time.Time
}

// Handle implements otel.ErrorHandler.
func (c *complaints) Handle(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.last) >= c.every {
		c.last = now
		c.log.Warn("spans could not be sent to the collector of traces", "error", err)
	}
}
