package builder

import "testing"

func TestTheDriversLibrariesStayOutOfImages(t *testing.T) {
	for soname, want := range map[string]bool{"libcuda.so.1": true, "libnvidia-ml.so.1": true, "libcudart.so.13": false, "libcudnn.so.9": false} {
		if fromDriver(soname) != want {
			t.Errorf("%s: %v", soname, !want)
		}
	}
}
