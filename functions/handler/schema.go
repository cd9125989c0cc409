package handler

import (
	"encoding/json"
	"maps"
	"slices"
)

// object is a JSON object in the making.
type object map[string]any

// maxFile bounds a picture, and maxClip a clip, that a request brings, in bytes.
const (
	maxFile = 16 << 20
	maxClip = 256 << 20
)

var (
	pictureTypes = []string{"image/png", "image/jpeg", "image/webp", "image/gif", "image/bmp"}
	clipTypes    = []string{"video/mp4", "video/quicktime", "video/webm", "video/x-matroska", "video/x-msvideo"}
)

// Schema is the JSON Schema (2020-12) of the requests that a model takes: what its bundle publishes, the gateway validates
// with and the handler holds a request to. functions/schema knows the keywords that begin with x-.
func Schema(d Description) json.RawMessage {
	fields := object{}
	required := append([]string{"prompt"}, d.Required...)
	for _, group := range []object{textFields(d), sizeFields(d), samplingFields(d), fileFields(d.Limits)} {
		maps.Copy(fields, group)
	}
	for name, kind := range map[string]string{"image": d.Limits.Image, "last_image": d.Limits.LastImage, "video": d.Limits.Video} {
		if kind == "required" {
			required = append(required, name)
		}
	}
	for name, own := range d.Properties {
		if fields[name] = own; string(own) == "null" {
			delete(fields, name)
		}
	}
	slices.Sort(required)
	required = slices.DeleteFunc(slices.Compact(required), func(name string) bool { return fields[name] == nil })
	o := object{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "required": required, "additionalProperties": false, "properties": fields}
	if len(d.Needs) > 0 {
		o["dependentRequired"] = d.Needs
	}
	if len(d.Absent) > 0 {
		o["x-absent"] = d.Absent
	}
	return encode(o)
}

func textFields(d Description) object {
	text := func(says string, more object) object {
		f := object{"type": "string", "description": says}
		if d.Limits.MaxPromptBytes > 0 {
			f["x-maxBytes"] = d.Limits.MaxPromptBytes
		}
		if d.Limits.MaxTokens > 0 {
			f["x-maxTokens"] = d.Limits.MaxTokens
		}
		maps.Copy(f, more)
		return f
	}
	return object{
		"prompt":          text("Say what the clip shall show", object{"minLength": 1, "pattern": `\S`}),
		"negative_prompt": text("Say what the clip must not show", object{"default": d.Defaults.NegativePrompt}),
		"preview":         object{"type": "boolean", "default": false, "description": "Whether progress carries pictures"},
	}
}

// sizeFields: bounds are themselves values that will do.
func sizeFields(d Description) object {
	l, f := d.Limits, object{}
	side := func(name string, multiple, most, normal int) {
		if most > 0 && multiple > 0 {
			f[name] = object{"type": "integer", "minimum": multiple, "maximum": most / multiple * multiple, "multipleOf": multiple, "default": normal, "description": "Pixels of the " + name}
		}
	}
	side("width", l.WidthMultiple, l.MaxWidth, d.Defaults.Width)
	side("height", l.HeightMultiple, l.MaxHeight, d.Defaults.Height)
	if l.FrameStep > 0 && l.MaxFrames > 0 {
		frames := object{"type": "integer", "minimum": 1, "maximum": (l.MaxFrames-1)/l.FrameStep*l.FrameStep + 1, "x-step": l.FrameStep, "default": d.Defaults.NumFrames, "description": "Frames of the clip"}
		if l.MaxSeconds > 0 {
			frames["x-seconds"] = l.MaxSeconds
		}
		f["num_frames"] = frames
	}
	if l.MaxFPS > 0 {
		f["fps"] = object{"type": "number", "minimum": 1, "maximum": l.MaxFPS, "default": d.Defaults.FPS, "description": "Frames a second"}
	}
	return f
}

func samplingFields(d Description) object {
	f := object{"seed": object{"type": "integer", "minimum": 0, "maximum": int64(maxSeed), "x-default": "random", "description": "The same request and seed give the same clip"}}
	if d.Limits.MaxSteps > 0 {
		f["num_inference_steps"] = object{"type": "integer", "minimum": 1, "maximum": d.Limits.MaxSteps, "default": d.Defaults.Steps, "description": "Steps of denoising"}
	}
	if d.Limits.MaxGuidance > 0 {
		f["guidance_scale"] = object{"type": "number", "minimum": 0, "maximum": d.Limits.MaxGuidance, "default": d.Defaults.Guidance, "description": "How closely the prompt is followed"}
	}
	return f
}

func fileFields(l Limits) object {
	f := object{}
	file := func(name, kind, says string, types []string, most int) {
		if kind == "optional" || kind == "required" {
			f[name] = object{"type": "string", "description": says, "x-file": object{"types": types, "maxBytes": most}}
		}
	}
	file("image", l.Image, "The picture that the clip starts from", pictureTypes, maxFile)
	file("last_image", l.LastImage, "The picture that the clip ends with", pictureTypes, maxFile)
	file("video", l.Video, "The clip to start from", clipTypes, maxClip)
	return f
}
