package onnx

// Int is an integer attribute.
func Int[T ~int | ~int64 | ~int32](name string, v T) Attr {
	return Attr{Name: name, Kind: AttrInt, I: int64(v)}
}

// Float is a number attribute.
func Float(name string, v float32) Attr { return Attr{Name: name, Kind: AttrFloat, F: v} }

// Str is a string attribute.
func Str(name, v string) Attr { return Attr{Name: name, Kind: AttrString, S: v} }

// Ints is an attribute of several integers.
func Ints(name string, v ...int64) Attr { return Attr{Name: name, Kind: AttrInts, Ints: v} }
