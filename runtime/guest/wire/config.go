package wire

// Names inside the instance's folder, which the guest sees as /run/videosdgx.
const (
	ConfigFile = "guest.json"
	SocketFile = "init.sock"
	FilesDir   = "files" // what the control plane lays beside events, read-only
)

// DefaultMaxPayload bounds an event at init when the config does not, in bytes.
const DefaultMaxPayload = 64 << 20

// Config is what videosdgx-init reads from guest.json at its start. The command to run is not in it: it follows "--" on
// init's command line, since only the driver knows the image's entrypoint. The environment the function gets is init's
// own (image and driver), then Env, then what Lambda documents, made from the rest.
type Config struct {
	InstanceID    string            `json:"instanceId"`
	Function      string            `json:"function"`
	Version       string            `json:"version"`
	ARN           string            `json:"arn"`
	Handler       string            `json:"handler,omitempty"`
	Env           map[string]string `json:"env,omitempty"`
	MemoryMB      int               `json:"memoryMb"`
	TimeoutMs     int64             `json:"timeoutMs"`
	InitTimeoutMs int64             `json:"initTimeoutMs"`
	EventsAtOnce  int               `json:"eventsAtOnce"`
	Snapshots     bool              `json:"snapshots,omitempty"`   // the instance may be checkpointed: runtimes are prepared for that
	SnapStart     bool              `json:"snapStart,omitempty"`   // AWS_LAMBDA_INITIALIZATION_TYPE=snap-start: runtimes use /restore/next
	MaxPayload    int64             `json:"maxPayload,omitempty"`  // bytes of an event; 0: DefaultMaxPayload
	MaxResponse   int64             `json:"maxResponse,omitempty"` // bytes of an answer; 0: no limit
	RuntimeAPI    string            `json:"runtimeApi"`            // address to listen on; "127.0.0.1:9001", or port 0 without a network namespace
}
