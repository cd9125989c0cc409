package rest

import "maps"

// body is the schema of what an operation takes.
func (d *document) body(in any) any {
	var all []any
	switch in.(type) {
	case modelRequest:
		all = d.one
	case modelBatch:
		all = d.batch
	case anyBytes:
		return nil
	default:
		return d.schemas.of(in)
	}
	switch len(all) {
	case 0:
		return map[string]any{"type": "object"}
	case 1:
		return all[0]
	}
	return map[string]any{"anyOf": all, "description": "What the model takes that the path names"}
}

// form is what a request is as a form.
func (d *document) form() any {
	parts := maps.Clone(d.files)
	parts["request"] = d.body(modelRequest{})
	return map[string]any{"type": "object", "properties": parts, "required": []string{"request"}, "additionalProperties": false,
		"description": "The request as JSON in one part, and files beside it in parts named as the fields that take them. Instead of the part request each field may be a part of its own, as curl -F prompt=TEXT sends it."}
}

// taken describes what an operation takes.
func (d *document) taken(o operation) any {
	kind, body := "application/json", map[string]any{"schema": d.body(o.In), "example": o.Example}
	if _, raw := o.In.(anyBytes); raw {
		kind, body = "application/octet-stream", map[string]any{"schema": map[string]any{"type": "string", "minLength": 1}}
	}
	content := map[string]any{kind: body}
	if _, model := o.In.(modelRequest); model {
		content["multipart/form-data"] = map[string]any{"schema": d.form()}
	}
	return map[string]any{"required": true, "content": content}
}
