package weights

import (
	"fmt"
	"reflect"
	"testing"
)

// What a header says of a tensor is read as encoding/json would, and nothing else passes for it.
func TestDescriptionsOfTensors(t *testing.T) {
	want := description{"BF16", []int64{2, 3}, []int64{0, 12}}
	for _, text := range []string{
		`{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]}`,
		"{ \"data_offsets\" : [ 0 ,\n12 ],\t\"shape\":[2,3] , \"dtype\" : \"BF16\" }",
		`{"dtype":"BF\u00316","shape":[2,3],"data_offsets":[0,12],"more":{"shape":[[1],{}]}}`,
		`{"shape":[9],"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]}`,
	} {
		if got, ok := describe([]byte(text)); !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", text, got, ok)
		}
	}
	for _, shape := range []string{`[1.5]`, `[1e3]`, `["2"]`, `[[2]]`, `[null]`, `[true]`, `{}`, `null`, `2`, `"2"`, `[99999999999999999999]`} {
		text := fmt.Sprintf(`{"dtype":"BF16","shape":%s,"data_offsets":[0,12]}`, shape)
		if got, ok := describe([]byte(text)); ok {
			t.Errorf("%s: %+v", text, got)
		}
	}
	for _, text := range []string{`[]`, `"x"`, `{"dtype":7,"shape":[],"data_offsets":[0,2]}`, `{"dtype":null,"shape":[],"data_offsets":[0,2]}`} {
		if got, ok := describe([]byte(text)); ok {
			t.Errorf("%s: %+v", text, got)
		}
	}
	if got, ok := describe([]byte(`{"dtype":"F32","shape":[],"data_offsets":[]}`)); !ok || got.shape == nil || len(got.offsets) != 0 {
		t.Errorf("a scalar: %+v, %v", got, ok)
	}
}
