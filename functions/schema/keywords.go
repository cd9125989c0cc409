package schema

import (
	"encoding/json"
	"fmt"
	"math/big"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/message"
)

// keywords are ours that are checked; x-default and x-maxTokens are read, or left, by who fills and counts.
var keywords = &jsonschema.Vocabulary{URL: "videosdgx:request", Compile: compileKeywords}

func compileKeywords(_ *jsonschema.CompilerContext, obj map[string]any) (jsonschema.SchemaExt, error) {
	b, err := json.Marshal(obj)
	if err != nil {
		return nil, err
	}
	var p Property
	if err := json.Unmarshal(b, &p); err != nil {
		return nil, nil //nolint:nilnil,nilerr // not the schema of a value, but an object that holds such: the library asks for each
	}
	switch {
	case p.Step < 0 || p.MaxBytes < 0:
		return nil, fmt.Errorf("x-step and x-maxBytes must not be negative")
	case p.Step == 0 && p.MaxBytes == 0 && p.File == nil:
		return nil, nil //nolint:nilnil // none of ours, as the library has it
	}
	return extension{p}, nil
}

// extension checks one value by our keywords.
type extension struct{ p Property }

// Validate implements jsonschema.SchemaExt.
func (e extension) Validate(ctx *jsonschema.ValidatorContext, v any) {
	if n, ok := rational(v); ok && e.p.Step > 0 && !onStep(n, e.p) {
		ctx.AddError(failed{"x-step", "is not on a step"})
	}
	s, isText := v.(string)
	if isText && e.p.MaxBytes > 0 && len(s) > e.p.MaxBytes {
		ctx.AddError(failed{"x-maxBytes", fmt.Sprintf("has %d bytes: %d at most", len(s), e.p.MaxBytes)})
	}
	if isText && e.p.File != nil {
		if text := e.p.File.wrong(s); text != "" {
			ctx.AddError(failed{"x-file", text})
		}
	}
}

func rational(v any) (*big.Rat, bool) {
	switch v := v.(type) {
	case json.Number:
		return new(big.Rat).SetString(string(v))
	case float64:
		r := new(big.Rat).SetFloat64(v)
		return r, r != nil
	}
	return nil, false
}

// onStep: n is the minimum and a multiple of the step.
func onStep(n *big.Rat, p Property) bool {
	if p.Minimum != nil {
		n = new(big.Rat).Sub(n, new(big.Rat).SetFloat64(*p.Minimum))
	}
	return n.Quo(n, new(big.Rat).SetFloat64(p.Step)).IsInt()
}

// failed is a keyword of ours that did not hold; text follows the field's name.
type failed struct{ keyword, text string }

// KeywordPath implements jsonschema.ErrorKind.
func (f failed) KeywordPath() []string { return []string{f.keyword} }

// LocalizedString implements jsonschema.ErrorKind.
func (f failed) LocalizedString(*message.Printer) string { return f.text }
