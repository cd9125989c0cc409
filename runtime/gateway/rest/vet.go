package rest

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"

	"github.com/videosdgx/videosdgx/functions/schema"
)

// VetCall holds the texts of a request that goes to a model's function itself, without a job, to what those of jobs are held to.
// InvalidArgument says what is not taken. What is no request has no texts: the function says what is wrong with it.
func (a *API) VetCall(ctx context.Context, client, model string, request []byte) error {
	fields, err := schema.Parse(request)
	if err != nil || a.o.Vet == nil {
		return nil //nolint:nilerr // see above
	}
	var sch *schema.Schema
	if hasText(fields) { // of which it says what are files; that a bundle's manifest is read for it would be felt after a rest
		m, err := a.o.Models.Model(ctx, model)
		if err != nil {
			return err
		}
		if sch, err = a.schemas.of(m); err != nil {
			return err
		}
	}
	f := &files{owner: client, vet: a.o.Vet}
	bad, err := f.vetted(ctx, sch, fields)
	if err == nil && bad != nil {
		err = fmt.Errorf("%s: %w", strings.TrimSuffix(bad[0].Detail, "."), errdefs.ErrInvalidArgument)
	}
	return err
}

func hasText(fields schema.Object) bool {
	for _, v := range fields {
		if _, ok := v.(string); ok {
			return true
		}
	}
	return false
}
