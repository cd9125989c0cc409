package rest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/videosdgx/videosdgx/functions/schema"
	"github.com/videosdgx/videosdgx/runtime/gateway"
)

// What an answer of generate may be.
const (
	recordType = "application/json"
	clipType   = "video/mp4"
	soundType  = "audio/wav"
)

// outputField says which form a clip is made in; soundAlone is the form that soundType is of.
const (
	outputField = "output"
	soundAlone  = "wav"
)

// wants says whether a request would rather have a file of one of these types than a job's record.
func wants(r *http.Request, files ...string) bool {
	return gateway.Negotiate(r, append([]string{recordType}, files...)...) != recordType
}

// settle holds Accept to what there will be of a request for a clip, before anything is made, and lets it ask a model that makes
// pictures and sound for its sound. What a model without num_frames makes only its results tell.
func settle(r *http.Request, sch *schema.Schema, fields schema.Object) error {
	if _, pictures := sch.Property("num_frames"); !pictures {
		return nil
	}
	output, open := fields[outputField], fields[outputField] == nil
	forms, _ := sch.Property(outputField)
	sounds := slices.Contains(forms.Enum, any(soundAlone))
	offers, said := []string{recordType, clipType}, "application/json (the job) or video/mp4 (its clip) would do"
	switch {
	case output == soundAlone:
		offers[1], said = soundType, "output is wav: application/json (the job) or audio/wav (its sound) would do"
	case open && sounds:
		offers, said = append(offers, soundType), "application/json (the job), video/mp4 (its clip) or audio/wav (its sound alone) would do"
	case !sounds && gateway.Acceptable(r, soundType):
		said = silent(sch) + ": " + said
	}
	if !gateway.Acceptable(r, offers...) {
		return notAcceptable(r, said)
	}
	if open && sounds && gateway.Negotiate(r, offers...) == soundType {
		fields[outputField] = soundAlone
	}
	return nil
}

// silent says why there is no sound.
func silent(sch *schema.Schema) string {
	if why := sch.Absent(outputField); why != "" {
		return why
	}
	return "this model makes no sound that can be had alone"
}

// notAcceptable is a 406 that says what would do.
func notAcceptable(r *http.Request, said string) error {
	asked := strings.Join(r.Header.Values("Accept"), ", ")
	return &httpError{status: http.StatusNotAcceptable, err: fmt.Errorf("there is nothing of what Accept asks for (%s): %s", schema.Show(asked), said)}
}
