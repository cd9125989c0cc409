package handler

import (
	"testing"
)

// changing is a model whose engine changes.
type changing struct {
	Model
	name, why string
}

func (c *changing) Engine() (name, why string) { return c.name, c.why }

func TestTheEngineIsToldAsItIsNow(t *testing.T) {
	m := &changing{name: "ONNX Runtime 1.31.1", why: "TensorRT is being prepared"}
	h := &Handler{model: m}
	if e := h.info().Engine; e != "ONNX Runtime 1.31.1 (TensorRT is being prepared)" {
		t.Error(e)
	}
	m.name, m.why = "TensorRT 10.14.1", ""
	if e := h.info().Engine; e != "TensorRT 10.14.1" {
		t.Error(e)
	}
	if all := withEngine(map[string]string{}, Result{Engine: "TensorRT 10.14.1"}); all["X-Videosdgx-Engine"] != "TensorRT 10.14.1" {
		t.Error(all)
	}
	if h.model = nil; h.info().Engine != "" || len(withEngine(map[string]string{}, Result{})) != 0 {
		t.Error("an engine is told that nobody named")
	}
}
