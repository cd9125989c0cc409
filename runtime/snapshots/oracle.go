package snapshots

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/google/uuid"

	"github.com/videosdgx/videosdgx/runtime/instance"
	"github.com/videosdgx/videosdgx/runtime/spec"
)

// answer is what an instance said to the event by which snapshots are proven; nil when the manifest names none.
type answer struct {
	contentType, functionError string
	body                       []byte
}

// maxAnswer bounds what is compared, in bytes.
const maxAnswer = 64 << 20

// ask gives an instance the manifest's snapshotEvent.
func ask(ctx context.Context, i *instance.Instance, fn spec.Function) (*answer, error) {
	if fn.SnapshotEvent == "" {
		return nil, nil
	}
	inv := spec.Invocation{ID: uuid.NewString(), Function: fn.Name, Payload: []byte(fn.SnapshotEvent)}
	r, err := i.Invoke(ctx, &inv, func(bool) {})
	if err != nil {
		return nil, fmt.Errorf("snapshotEvent of %s: %w", fn.Name, err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("snapshotEvent of %s: %w", fn.Name, err)
	}
	return &answer{contentType: r.ContentType, functionError: r.FunctionError, body: body}, nil
}

// same compares a restored instance's answer with the original's.
func (a *answer) same(b *answer) error {
	switch {
	case a == nil || b == nil:
		return nil
	case a.functionError != b.functionError:
		return fmt.Errorf("it answered with function error %q instead of %q", b.functionError, a.functionError)
	case a.contentType != b.contentType:
		return fmt.Errorf("it answered with content type %q instead of %q", b.contentType, a.contentType)
	case !bytes.Equal(a.body, b.body):
		return fmt.Errorf("it answered %.200q instead of %.200q; the snapshotEvent must be one that is always answered alike", b.body, a.body)
	}
	return nil
}
