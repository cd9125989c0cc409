package jsonform

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
)

// Decode is encoding/json.Unmarshal of a body that says nothing twice.
func Decode(b []byte, v any) error {
	if twice := Twice(b, reflect.TypeOf(v)); twice != nil {
		return twice
	}
	return json.Unmarshal(b, v)
}

// DecodeKnown is Decode of one value, whose members v has all: what would be passed over is an error too.
func DecodeKnown(b []byte, v any) error {
	if twice := Twice(b, reflect.TypeOf(v)); twice != nil {
		return twice
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the object")
	}
	return nil
}
