// Package wire is the protocol on an instance's init.sock, between the control plane (client) and videosdgx-init (server).
// Standard library only. One connection carries one exchange; both sides close it afterwards, so that between
// invocations nothing is open across the instance's border (a checkpoint needs that). A client that takes care of this
// by itself may ask with InvokeHead.Keep to keep the connection for another Invoke; InvokeEnd.Kept grants it, and then
// either side may close it at any time.
//
// A frame is one byte of kind, four bytes of big-endian length, and that many bytes. JSON frames are at most MaxJSON
// long, data frames at most MaxData. The client opens with exactly one of Invoke, Ready, Prepare,
// Restored:
//
//	Invoke (InvokeHead) Data* End          →  (Progress)* Head Data* End(InvokeEnd)   or Fail at any point
//	       the client may send Cancel, or close its side, at any time after Invoke
//	Ready                                  →  State once the function polls /next     or Fail (it exited or said init/error)
//	Prepare                                →  End(PreparedHead) once init has noted what it will need after a restore
//	Restored (RestoredHead)                →  End(empty) once restore hooks have run and entropy is new
//
// Progress frames may also come between Data frames.
package wire

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
)

// Kind says what a frame is.
type Kind byte

// The kinds of frame.
const (
	Invoke   Kind = 'I'
	Ready    Kind = 'R'
	Prepare  Kind = 'B'
	Restored Kind = 'S'
	Cancel   Kind = 'C'
	Data     Kind = 'D'
	End      Kind = 'E'
	Head     Kind = 'H'
	Progress Kind = 'P'
	State    Kind = 'T'
	Fail     Kind = 'X'
)

// Limits on frames, in bytes.
const (
	MaxJSON = 1 << 20
	MaxData = 256 << 10
)

// InvokeHead opens an invocation.
type InvokeHead struct {
	ID            string `json:"id"`
	DeadlineMs    int64  `json:"deadlineMs"` // Unix milliseconds
	ARN           string `json:"arn"`
	TraceID       string `json:"traceId,omitempty"`
	ClientContext string `json:"clientContext,omitempty"`
	Identity      string `json:"identity,omitempty"`
	Tail          bool   `json:"tail,omitempty"`
	CancelGraceMs int64  `json:"cancelGraceMs,omitempty"`
	Size          int64  `json:"size,omitempty"` // bytes of the event that follows; 0: not said
	Keep          bool   `json:"keep,omitempty"` // the connection, for another Invoke after this one's End
}

// ResponseHead comes before the first byte of an answer.
type ResponseHead struct {
	ContentType   string `json:"contentType,omitempty"`
	Streaming     bool   `json:"streaming,omitempty"`
	FunctionError string `json:"functionError,omitempty"`
}

// InvokeEnd closes an answer.
type InvokeEnd struct {
	FunctionError string          `json:"functionError,omitempty"`
	ErrorType     string          `json:"errorType,omitempty"`
	ErrorBody     json.RawMessage `json:"errorBody,omitempty"`
	LogTail       []byte          `json:"logTail,omitempty"`
	MaxMemory     int64           `json:"maxMemory,omitempty"` // bytes, the most in use so far; with LogTail
	RunMicros     int64           `json:"runMicros"`
	Kept          bool            `json:"kept,omitempty"` // this connection takes another Invoke
}

// StateHead answers Ready.
type StateHead struct {
	InitMicros int64 `json:"initMicros"` // from init's own start to the function's first /next
	Restores   bool  `json:"restores"`   // the runtime polls /restore/next
}

// PreparedHead answers Prepare.
type PreparedHead struct {
	Repeats string `json:"repeats,omitempty"` // what would draw the same random numbers in every restored instance; "": nothing
}

// RestoredHead tells an instance that it has just come back from a snapshot.
type RestoredHead struct {
	InstanceID string `json:"instanceId"`
	Entropy    []byte `json:"entropy"` // 64 fresh random bytes
	UnixNano   int64  `json:"unixNano"`
}

// Classes of FailHead.
const (
	ClassInit      = "init"      // the function failed before it was ready
	ClassExit      = "exit"      // its process ended during an invocation
	ClassCancelled = "cancelled" // it did not answer within the grace after a cancel
	ClassTimeout   = "timeout"   // it did not answer before its deadline
	ClassBusy      = "busy"      // it holds as many events as it may already
	ClassTooLarge  = "too-large" // the event is longer than it may be: the function has not seen it
	ClassProtocol  = "protocol"  // the other side sent what it must not
)

// FailHead is an exchange that could not be completed.
type FailHead struct {
	Class   string          `json:"class"`
	Message string          `json:"message"`        // one sentence
	Body    json.RawMessage `json:"body,omitempty"` // what the function posted to init/error
	LogTail []byte          `json:"logTail,omitempty"`
	Exit    int             `json:"exit,omitempty"`
	// Late: the function did not ask for its first event in time. NoCommand: its command cannot be run at all.
	Late      bool `json:"late,omitempty"`
	NoCommand bool `json:"noCommand,omitempty"`
	// Unseen: the function never got the event, so that another instance may have it.
	Unseen bool `json:"unseen,omitempty"`
}

// WriteFrame writes one frame with a single Write.
func WriteFrame(w io.Writer, k Kind, payload []byte) error {
	b := make([]byte, 5+len(payload))
	b[0] = byte(k)
	binary.BigEndian.PutUint32(b[1:], uint32(len(payload)))
	copy(b[5:], payload)
	_, err := w.Write(b)
	return err
}

// WriteJSON writes v as one frame.
func WriteJSON(w io.Writer, k Kind, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return WriteFrame(w, k, b)
}

// ReadHeader reads a frame up to its payload, whose length it gives. io.EOF only at a frame's border.
func ReadHeader(r io.Reader) (Kind, int, error) {
	var h [5]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, 0, err
	}
	k, n := Kind(h[0]), binary.BigEndian.Uint32(h[1:])
	limit := uint32(MaxJSON)
	if k == Data {
		limit = MaxData
	}
	if n > limit {
		return 0, 0, fmt.Errorf("wire: frame %q of %d bytes exceeds %d", k, n, limit)
	}
	return k, int(n), nil
}

// ReadFrame reads one frame; buf is reused when large enough. io.EOF only at a frame's border.
func ReadFrame(r io.Reader, buf []byte) (Kind, []byte, error) {
	k, n, err := ReadHeader(r)
	if err != nil {
		return 0, nil, err
	}
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	if _, err := io.ReadFull(r, buf); err != nil {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return k, buf, nil
}
