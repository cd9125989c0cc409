package onnx

func (v *ValueInfo) decode(b []byte) error {
	v.Unranked = true
	return fields(b, func(f field) error {
		switch f.num {
		case 1:
			v.Name = f.string()
		case 2:
			return fields(f.bytes, func(f field) error {
				if f.num == 1 {
					return fields(f.bytes, v.decodeTensor)
				}
				return nil
			})
		}
		return nil
	})
}

func (v *ValueInfo) decodeTensor(f field) error {
	switch f.num {
	case 1:
		v.Type = DType(f.int())
	case 2:
		v.Unranked = false
		return fields(f.bytes, func(f field) error {
			if f.num != 1 {
				return nil
			}
			var d Dim
			err := fields(f.bytes, func(f field) error {
				switch f.num {
				case 1:
					d.Size = f.int()
				case 2:
					d.Name = f.string()
				}
				return nil
			})
			v.Dims = append(v.Dims, d)
			return err
		})
	}
	return nil
}

func appendInfo(infos []ValueInfo, b []byte) ([]ValueInfo, error) {
	var v ValueInfo
	err := v.decode(b)
	return append(infos, v), err
}
